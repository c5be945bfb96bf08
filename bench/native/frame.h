/* The header of an unfragmented WebSocket text frame (RFC 6455, section 5.2). */
#ifndef FRAME_H
#define FRAME_H
#include <stddef.h>
#include <stdint.h>

enum { HEADER_BYTES = 10 }; /* the longest header without a mask */

/* Puts the header of a frame that is not masked, and gives its size. */
static size_t put_header(uint8_t *at, size_t payload_bytes) {
    at[0] = 0x81;
    if (payload_bytes < 126) {
        at[1] = (uint8_t)payload_bytes;
        return 2;
    }
    if (payload_bytes < 1 << 16) {
        at[1] = 126;
        at[2] = (uint8_t)(payload_bytes >> 8);
        at[3] = (uint8_t)payload_bytes;
        return 4;
    }
    at[1] = 127;
    for (int i = 0; i < 8; i++)
        at[2 + i] = (uint8_t)((uint64_t)payload_bytes >> (56 - 8 * i));
    return 10;
}
#endif
