/* The limit to compare with: a single-threaded epoll server that does as little as can be done.
 *
 * It makes quotes at a rate, encodes each once, appends it to the buffer of every connection that asked for its
 * symbol, and calls `send` once per connection and flush; it flushes at a cadence. It checks nothing, keeps
 * nothing, and knows no keys. `GET /metrics` shows its counters.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "digest.h"
#include "frame.h"
#include "quotes.h"
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    READ_BYTES = 64 << 10,
    INPUT_LIMIT_BYTES = 1 << 20,
    BEHIND_BYTES = 256 << 10,   /* unsent bytes from which a connection is behind: it gets nothing more */
    FLUSH_QUOTES = 10000,       /* most quotes of one flush */
    BACKLOG = 2048,
};

typedef struct {
    int fd;
    bool open, wants_to_write;
    uint8_t *input, *output;
    size_t input_bytes, input_capacity;
    size_t sent, filled, capacity; /* of output: sent <= message <= filled */
    size_t message;                /* where this flush began */
} Connection;

typedef struct {
    Connection **members;
    size_t count, capacity;
    Quote quote;
} Symbol;

static int port = 0, cadence_ms = 5, symbol_count = 1000, payload_bytes = 125;
static double rate = 20000;
static bool arrays = false; /* v2: one array of quotes per connection and flush */

static int epoll_fd;
static Symbol *symbols;
static uint64_t made, start_us, start_wall_us;
static uint64_t quotes_out, quotes_skipped, flushes;
static Connection **touched;
static size_t touched_count, touched_capacity;

static void fail(const char *what) {
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *grown(void *array, size_t needed, size_t *capacity, size_t item_bytes) {
    if (needed <= *capacity)
        return array;
    *capacity = needed * 2;
    array = realloc(array, *capacity * item_bytes);
    if (!array)
        fail("memory");
    return array;
}

static void append(Connection *connection, const uint8_t *bytes, size_t count) {
    connection->output = grown(connection->output, connection->filled + count, &connection->capacity, 1);
    memcpy(connection->output + connection->filled, bytes, count);
    connection->filled += count;
}

static void hand_over(Connection *connection, const Symbol *symbol) {
    static const uint8_t room[HEADER_BYTES] = {0};
    bool first = connection->message == connection->filled;
    if (first) {
        if (connection->filled - connection->sent > BEHIND_BYTES) {
            quotes_skipped++;
            return;
        }
        touched = grown(touched, touched_count + 1, &touched_capacity, sizeof *touched);
        touched[touched_count++] = connection;
    }
    if (arrays) {
        if (first)
            append(connection, room, sizeof room);
        append(connection, (const uint8_t *)(first ? "[" : ","), 1);
    }
    append(connection, symbol->quote.frame, frame_bytes);
    quotes_out++;
}

static void want_to_write(Connection *connection, bool wanted) {
    if (connection->wants_to_write == wanted)
        return;
    connection->wants_to_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static void write_out(Connection *connection) {
    ssize_t sent = send(connection->fd, connection->output + connection->sent, connection->filled - connection->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        connection->sent += (size_t)sent;
    if (connection->sent == connection->filled)
        connection->sent = connection->filled = 0;
    else if (connection->sent > BEHIND_BYTES) {
        connection->filled -= connection->sent;
        memmove(connection->output, connection->output + connection->sent, connection->filled);
        connection->sent = 0;
    }
    connection->message = connection->filled;
    want_to_write(connection, connection->filled > 0);
}

/* The header of an array is known only now; it is put right before the array. */
static void close_array(Connection *connection) {
    append(connection, (const uint8_t *)"]", 1);
    uint8_t header[HEADER_BYTES], *room = connection->output + connection->message;
    size_t bytes = connection->filled - connection->message - HEADER_BYTES;
    size_t used = put_header(header, bytes), spare = HEADER_BYTES - used;
    if (connection->sent == connection->message) {
        memcpy(room + spare, header, used);
        connection->sent += spare;
    } else {
        memcpy(room, header, used);
        memmove(room + used, room + HEADER_BYTES, bytes);
        connection->filled -= spare;
    }
}

static void flush(void) {
    uint64_t elapsed_us = clock_us(CLOCK_MONOTONIC) - start_us;
    uint64_t due = (uint64_t)((double)elapsed_us * rate / 1e6);
    uint64_t end = due > made + FLUSH_QUOTES ? made + FLUSH_QUOTES : due;
    for (; made < end; made++) {
        Symbol *symbol = &symbols[next_in_turn()];
        encode(&symbol->quote, arrays, (start_wall_us + (uint64_t)((double)(made + 1) * 1e6 / rate)) / 1000);
        for (size_t i = 0; i < symbol->count; i++)
            hand_over(symbol->members[i], symbol);
    }
    for (size_t i = 0; i < touched_count; i++) {
        if (arrays)
            close_array(touched[i]);
        write_out(touched[i]);
    }
    flushes += touched_count > 0;
    touched_count = 0;
}

static void hang_up(Connection *connection) {
    for (int i = 0; i < symbol_count; i++) {
        Symbol *symbol = &symbols[i];
        for (size_t j = 0; j < symbol->count;)
            if (symbol->members[j] == connection)
                symbol->members[j] = symbol->members[--symbol->count];
            else
                j++;
    }
    close(connection->fd);
    free(connection->input);
    free(connection->output);
    free(connection);
}

static void answer_metrics(Connection *connection) {
    char body[512], answer[1024];
    int bytes = snprintf(body, sizeof body,
                         "quotes_in_total %llu\nquotes_out_total %llu\nquotes_skipped_total %llu\nflushes_total %llu\n",
                         (unsigned long long)made, (unsigned long long)quotes_out,
                         (unsigned long long)quotes_skipped, (unsigned long long)flushes);
    bytes = snprintf(answer, sizeof answer,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                     bytes, body);
    append(connection, (const uint8_t *)answer, (size_t)bytes);
    write_out(connection);
}

static const char *header_value(const char *head, const char *name, size_t *bytes) {
    const char *found = strcasestr(head, name);
    if (!found)
        return NULL;
    found += strlen(name);
    found += strspn(found, " ");
    *bytes = strcspn(found, "\r,");
    return found;
}

static void answer_handshake(Connection *connection, const char *head) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    size_t key_bytes = 0, protocol_bytes = 0;
    const char *key = header_value(head, "\r\nSec-WebSocket-Key:", &key_bytes);
    const char *protocol = header_value(head, "\r\nSec-WebSocket-Protocol:", &protocol_bytes);
    if (!key || key_bytes > 64) {
        answer_metrics(connection);
        return;
    }
    uint8_t digest[20];
    char text[128], accept[29], answer[512];
    int bytes = snprintf(text, sizeof text, "%.*s%s", (int)key_bytes, key, magic);
    sha1((uint8_t *)text, (size_t)bytes, digest);
    base64(digest, accept);
    bytes = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n%s%.*s%s\r\n",
                     accept, protocol ? "Sec-WebSocket-Protocol: " : "", (int)protocol_bytes,
                     protocol ? protocol : "", protocol ? "\r\n" : "");
    append(connection, (const uint8_t *)answer, (size_t)bytes);
    connection->open = true;
    write_out(connection);
}

static void subscribe(Connection *connection, const char *text) {
    static const char status[] = "{\"event\":\"status\"}";
    for (const char *found = text; (found = strstr(found, "SYM")); found += 3) {
        int number = atoi(found + 3);
        if (number < 0 || number >= symbol_count)
            continue;
        Symbol *symbol = &symbols[number];
        symbol->members = grown(symbol->members, symbol->count + 1, &symbol->capacity, sizeof *symbol->members);
        symbol->members[symbol->count++] = connection;
    }
    uint8_t header[HEADER_BYTES];
    append(connection, header, put_header(header, sizeof status - 1));
    append(connection, (const uint8_t *)status, sizeof status - 1);
    write_out(connection);
}

/* Answers a close; the peer then ends the connection. */
static void answer_close(Connection *connection) {
    static const uint8_t close_frame[] = {0x88, 0};
    append(connection, close_frame, sizeof close_frame);
    write_out(connection);
    shutdown(connection->fd, SHUT_WR);
}

/* Takes one whole masked frame off the input; false where there is none yet. */
static bool take_frame(Connection *connection) {
    uint8_t *data = connection->input;
    size_t have = connection->input_bytes, header = 6;
    if (have < header)
        return false;
    size_t bytes = data[1] & 0x7f;
    if (bytes == 126) {
        header = 8;
        bytes = (size_t)data[2] << 8 | data[3];
    } else if (bytes == 127) {
        header = 14;
        if (have < header)
            return false;
        bytes = (size_t)data[6] << 24 | (size_t)data[7] << 16 | (size_t)data[8] << 8 | data[9];
    }
    if (have < header + bytes)
        return false;
    char *text = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)(data[header + i] ^ data[header - 4 + i % 4]);
    text[bytes] = 0;
    if ((data[0] & 0x0f) == 1)
        subscribe(connection, text);
    else if ((data[0] & 0x0f) == 8)
        answer_close(connection);
    free(text);
    connection->input_bytes -= header + bytes;
    memmove(data, data + header + bytes, connection->input_bytes);
    return true;
}

static bool read_some(Connection *connection) {
    if (connection->input_bytes > INPUT_LIMIT_BYTES)
        return false;
    connection->input =
        grown(connection->input, connection->input_bytes + READ_BYTES + 1, &connection->input_capacity, 1);
    ssize_t got = recv(connection->fd, connection->input + connection->input_bytes, READ_BYTES, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    connection->input_bytes += (size_t)got;
    connection->input[connection->input_bytes] = 0;
    if (!connection->open) {
        char *end = strstr((char *)connection->input, "\r\n\r\n");
        if (!end)
            return true;
        end[2] = 0;
        answer_handshake(connection, (char *)connection->input);
        size_t head = (size_t)(end - (char *)connection->input) + 4;
        connection->input_bytes -= head;
        memmove(connection->input, end + 4, connection->input_bytes);
    }
    while (connection->open && take_frame(connection))
        continue;
    return true;
}

static void let_in(int listening) {
    int fd, on = 1;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *connection = calloc(1, sizeof *connection);
        connection->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)
        fail("listen");
    getsockname(fd, (struct sockaddr *)&address, &bytes);
    printf("listens on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int start_timer(void) {
    struct itimerspec cadence = {.it_interval.tv_nsec = cadence_ms * 1000000L, .it_value.tv_nsec = cadence_ms * 1000000L};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &cadence, NULL) < 0)
        fail("timer");
    return fd;
}

static void read_options(int argc, char **argv) {
    static const struct option known[] = {{"port", 1, 0, 'p'},    {"symbols", 1, 0, 's'}, {"rate", 1, 0, 'r'},
                                          {"payload-bytes", 1, 0, 'b'}, {"cadence-ms", 1, 0, 'c'}, {"arrays", 0, 0, 'a'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 's': symbol_count = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'b': payload_bytes = atoi(optarg); break;
        case 'c': cadence_ms = atoi(optarg); break;
        case 'a': arrays = true; break;
        default: exit(2);
        }
    if (symbol_count < 1 || symbol_count > 100000 || rate <= 0 || cadence_ms < 1 || cadence_ms > 999)
        exit(2);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    symbols = calloc((size_t)symbol_count, sizeof *symbols);
    for (int i = 0; i < symbol_count; i++)
        make_quote(&symbols[i].quote, i, payload_bytes, arrays);
    make_turns(symbol_count);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listening = listen_on_loopback(), timer = start_timer();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listening};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening, &event);
    event.data.ptr = &timer;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &event);
    start_us = clock_us(CLOCK_MONOTONIC);
    start_wall_us = clock_us(CLOCK_REALTIME);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            Connection *connection = events[i].data.ptr;
            uint64_t expirations;
            if (events[i].data.ptr == &listening)
                let_in(listening);
            else if (events[i].data.ptr == &timer) {
                if (read(timer, &expirations, sizeof expirations) > 0)
                    flush();
            } else if (events[i].events & (EPOLLERR | EPOLLHUP) || ((events[i].events & EPOLLIN) && !read_some(connection)))
                hang_up(connection);
            else if (events[i].events & EPOLLOUT)
                write_out(connection);
        }
    }
}
