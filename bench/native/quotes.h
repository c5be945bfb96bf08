/* Quotes that stand ready as frames, but for their digits; and whose turn it is. */
#ifndef QUOTES_H
#define QUOTES_H
#include "frame.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_QUOTE_BYTES = 400 };

typedef struct {
    uint32_t bid;
    uint64_t seq;
    uint8_t frame[LONGEST_QUOTE_BYTES + HEADER_BYTES]; /* of its newest quote; without a header in arrays */
} Quote;

static uint32_t *turns;
static size_t turn_count, next_turn;
static size_t frame_bytes, time_at, ask_at, bid_at, mid_at, seq_at;

static uint64_t draw(void) { /* xorshift64 */
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* The same law of arrival as the simulated feed: rank r has 1 + n / 2r turns in each round, in scattered order. */
static void make_turns(int symbol_count) {
    for (int rank = 1; rank <= symbol_count; rank++)
        turn_count += (size_t)(1 + symbol_count / (2 * rank));
    turns = malloc(turn_count * sizeof *turns);
    size_t at = 0;
    for (int rank = 1; rank <= symbol_count; rank++)
        for (int turn = 0; turn < 1 + symbol_count / (2 * rank); turn++)
            turns[at++] = (uint32_t)rank - 1;
    for (size_t i = turn_count - 1; i > 0; i--) {
        size_t other = draw() % (i + 1);
        uint32_t moved = turns[i];
        turns[i] = turns[other];
        turns[other] = moved;
    }
}

static uint32_t next_in_turn(void) {
    uint32_t number = turns[next_turn];
    next_turn = (next_turn + 1) % turn_count;
    return number;
}

/* Every frame stands ready, but for its digits; `mid` is padded with zeros up to the wanted length. */
static void make_quote(Quote *quote, int number, int payload_bytes, bool arrays) {
    char text[512], prefix[128];
    if (arrays)
        snprintf(prefix, sizeof prefix,
                 "{\"event\":\"quote\",\"asset_class\":\"crypto\",\"symbol\":\"SYM%05d\",\"seq\":100000000,", number);
    else
        snprintf(prefix, sizeof prefix, "{\"symbol\":\"SYM%05d\",", number);
    int bytes = snprintf(text, sizeof text,
                         "%s\"timestamp\":\"0000000000000\",\"ask\":\"1.00000\",\"bid\":\"1.00000\","
                         "\"mid\":\"1.00000",
                         prefix);
    int zeros = payload_bytes - bytes - 2;
    if (zeros < 0 || payload_bytes > LONGEST_QUOTE_BYTES) {
        fprintf(stderr, "server: quotes have %d to %d bytes, not %d\n", bytes + 2, LONGEST_QUOTE_BYTES, payload_bytes);
        exit(2);
    }
    memset(text + bytes, '0', (size_t)zeros);
    memcpy(text + bytes + zeros, "\"}", 3);
    size_t header = arrays ? 0 : put_header(quote->frame, (size_t)payload_bytes);
    memcpy(quote->frame + header, text, (size_t)payload_bytes);
    frame_bytes = header + (size_t)payload_bytes;
    time_at = header + (size_t)(strstr(text, "\"timestamp\":\"") - text) + 13;
    ask_at = header + (size_t)(strstr(text, "\"ask\":\"") - text) + 9;
    bid_at = header + (size_t)(strstr(text, "\"bid\":\"") - text) + 9;
    mid_at = header + (size_t)(strstr(text, "\"mid\":\"") - text) + 9;
    seq_at = arrays ? header + (size_t)(strstr(text, "\"seq\":") - text) + 6 : 0;
    quote->bid = 20000 + (uint32_t)(draw() % 50000);
    quote->seq = 100000000;
}

static void put_digits(uint8_t *at, int digits, uint64_t number) {
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (uint8_t)('0' + number % 10);
}

static void encode(Quote *quote, bool arrays, uint64_t event_ms) {
    quote->bid += (uint32_t)(draw() % 21) - 10u + (quote->bid < 10000) * 1000u - (quote->bid > 80000) * 1000u;
    put_digits(quote->frame + time_at, 13, event_ms);
    put_digits(quote->frame + ask_at, 5, quote->bid + 10);
    put_digits(quote->frame + bid_at, 5, quote->bid);
    put_digits(quote->frame + mid_at, 5, quote->bid + 5);
    if (arrays)
        put_digits(quote->frame + seq_at, 9, ++quote->seq);
}
#endif
