/* The load client: N WebSocket connections on one core, which count quotes and sample their age.
 *
 * It opens all connections, subscribes each with its own line of a file, says `ready` (stderr) once each has
 * had an answer, reads through a warm-up, says `begin`, reads through the window, says `end`, and prints what it
 * saw as one line of JSON (stdout). Then it reads on until its stdin is closed, so that no server sees a slow
 * client before its counters were read.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "frame.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 512 << 10,
    FRAME_LIMIT_BYTES = 16 << 20,
    HEAD_LIMIT_BYTES = 16 << 10,
    EVENTS = 256,
    SAMPLE_EVERY = 61, /* a prime, so that no rhythm of the server is met again and again */
    BUCKETS = 64 * 32,
    READY_LIMIT_S = 60,
};

typedef struct {
    int fd;
    bool answered;
    uint8_t *rest; /* the beginning of a frame whose end has not come */
    size_t rest_bytes, rest_capacity;
} Connection;

typedef struct {
    uint64_t quotes, frames, payload_bytes, samples, closed;
    uint64_t ages[BUCKETS];
} Counts;

static const char *host = "127.0.0.1", *path = "/", *api_key = "", *subprotocol = "", *subscriptions = NULL;
static int port = 0;
static double warm_up_s = 1.0, window_s = 5.0;
static bool arrays = false; /* v2: messages are arrays of events */

static Counts counts;
static uint64_t until_sample = SAMPLE_EVERY;
static uint8_t *buffer; /* room for an unfinished frame, and one read behind it */

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

/* Ages in buckets of 3 %: 32 to each power of two. */
static unsigned bucket_of(uint64_t age_us) {
    if (age_us < 64)
        return (unsigned)age_us;
    unsigned power = 63 - (unsigned)__builtin_clzll(age_us) - 5;
    return power * 32 + (unsigned)(age_us >> power);
}

static double bucket_ms(unsigned bucket) {
    if (bucket < 64)
        return bucket / 1000.0;
    unsigned power = bucket / 32 - 1;
    return (double)((uint64_t)(bucket - power * 32) << power) / 1000.0;
}

static double percentile_ms(double share) {
    uint64_t wanted = (uint64_t)(share * (double)counts.samples), seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += counts.ages[bucket];
        if (seen > wanted || (seen && seen == counts.samples))
            return bucket_ms(bucket);
    }
    return 0;
}

static void sample_age(const uint8_t *text, size_t bytes, uint64_t now_us) {
    static const char field[] = "\"timestamp\":\"", finer[] = "\",\"event_ns\":\"";
    const uint8_t *found = memmem(text, bytes, field, sizeof field - 1);
    if (!found)
        return;
    char *end;
    uint64_t event_us = strtoull((const char *)found + sizeof field - 1, &end, 10) * 1000;
    if (strncmp(end, finer, sizeof finer - 1) == 0) /* v2 says more than whole milliseconds */
        event_us = strtoull(end + sizeof finer - 1, NULL, 10) / 1000;
    uint64_t age_us = now_us > event_us ? now_us - event_us : 0;
    counts.ages[bucket_of(age_us)]++;
    counts.samples++;
}

static void take_quote(const uint8_t *text, size_t bytes, uint64_t now_us) {
    counts.quotes++;
    if (--until_sample == 0) {
        until_sample = SAMPLE_EVERY;
        sample_age(text, bytes, now_us);
    }
}

static void take_message(const uint8_t *payload, size_t bytes, uint64_t now_us) {
    static const char event[] = "{\"event", quote[] = "\"event\":\"quote\"";
    if (!arrays) {
        if (bytes >= sizeof event - 1 && memcmp(payload, event, sizeof event - 1) == 0)
            return;
        take_quote(payload, bytes, now_us);
    } else {
        const uint8_t *end = payload + bytes, *found = payload;
        uint64_t before = counts.quotes;
        while ((found = memmem(found, (size_t)(end - found), quote, sizeof quote - 1))) {
            take_quote(found, (size_t)(end - found), now_us);
            found += sizeof quote - 1;
        }
        if (counts.quotes == before)
            return;
    }
    counts.frames++;
    counts.payload_bytes += bytes;
}

/* Takes all whole frames, and gives how many bytes they had. */
static size_t take_frames(const uint8_t *data, size_t bytes, uint64_t now_us) {
    size_t at = 0;
    while (bytes - at >= 2) {
        size_t payload = data[at + 1] & 0x7f, header = 2;
        if (payload == 126) {
            header = 4;
            if (bytes - at < header)
                break;
            payload = (size_t)data[at + 2] << 8 | data[at + 3];
        } else if (payload == 127) {
            header = 10;
            if (bytes - at < header)
                break;
            payload = 0;
            for (int i = 2; i < 10; i++)
                payload = payload << 8 | data[at + i];
        }
        if (payload > FRAME_LIMIT_BYTES) {
            errno = EMSGSIZE;
            fail("frame");
        }
        if (bytes - at < header + payload)
            break;
        uint8_t opcode = data[at] & 0x0f;
        if (opcode == 1 || opcode == 2)
            take_message(data + at + header, payload, now_us);
        at += header + payload;
    }
    return at;
}

static void keep_rest(Connection *connection, const uint8_t *data, size_t bytes) {
    if (bytes > connection->rest_capacity) {
        connection->rest_capacity = bytes * 2;
        connection->rest = realloc(connection->rest, connection->rest_capacity);
        if (!connection->rest)
            fail("memory");
    }
    if (bytes)
        memcpy(connection->rest, data, bytes);
    connection->rest_bytes = bytes;
}

/* One read; false where the server has closed the connection. */
static bool read_some(Connection *connection) {
    size_t rest = connection->rest_bytes;
    ssize_t got = recv(connection->fd, buffer + rest, READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    if (rest)
        memcpy(buffer, connection->rest, rest);
    size_t bytes = rest + (size_t)got;
    buffer[bytes] = 0;
    size_t taken = take_frames(buffer, bytes, clock_us(CLOCK_REALTIME));
    keep_rest(connection, buffer + taken, bytes - taken);
    return true;
}

static void write_all(int fd, const void *data, size_t bytes) {
    for (size_t at = 0; at < bytes;) {
        ssize_t sent = send(fd, (const char *)data + at, bytes - at, MSG_NOSIGNAL);
        if (sent < 0)
            fail("send");
        at += (size_t)sent;
    }
}

static int connect_and_ask(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail("host");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval limit = {.tv_sec = READY_LIMIT_S};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char head[2048];
    int bytes = snprintf(head, sizeof head,
                         "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: dHJhZGV3YXRjaCBiZW5jaA==\r\nSec-WebSocket-Version: 13\r\n"
                         "api-key: %s\r\n%s%s%s\r\n",
                         path, host, port, api_key, *subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol,
                         *subprotocol ? "\r\n" : "");
    if (bytes >= (int)sizeof head)
        fail("request head is too long");
    write_all(fd, head, (size_t)bytes);
    return fd;
}

/* Reads the answer to the handshake; what came behind it is kept. */
static void read_answer(Connection *connection) {
    static const char end[] = "\r\n\r\n";
    size_t bytes = 0;
    uint8_t *found = NULL;
    while (!found) {
        ssize_t got = recv(connection->fd, buffer + bytes, HEAD_LIMIT_BYTES - bytes, 0);
        if (got <= 0)
            fail("handshake");
        bytes += (size_t)got;
        found = memmem(buffer, bytes, end, sizeof end - 1);
    }
    if (memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "load: refused: %.*s\n", (int)strcspn((char *)buffer, "\r"), buffer);
        exit(1);
    }
    found += sizeof end - 1;
    keep_rest(connection, found, bytes - (size_t)(found - buffer));
}

/* One masked text frame; the mask is zero, so the text stands as it is. */
static void send_text(int fd, const char *text, size_t bytes) {
    uint8_t header[HEADER_BYTES + 4] = {0};
    size_t used = put_header(header, bytes);
    header[1] |= 0x80;
    write_all(fd, header, used + 4);
    write_all(fd, text, bytes);
}

/* One line of the file per connection: all shake hands first, so that nobody has to wait for quotes. */
static Connection *open_all(size_t *count) {
    FILE *file = fopen(subscriptions, "r");
    if (!file)
        fail(subscriptions);
    char **lines = NULL, *line = NULL;
    size_t *sizes = NULL, capacity = 0;
    ssize_t bytes;
    *count = 0;
    while ((bytes = getline(&line, &capacity, file)) > 0) {
        lines = realloc(lines, (*count + 1) * sizeof *lines);
        sizes = realloc(sizes, (*count + 1) * sizeof *sizes);
        sizes[*count] = (size_t)(line[bytes - 1] == '\n' ? bytes - 1 : bytes);
        lines[(*count)++] = line;
        line = NULL;
    }
    fclose(file);
    Connection *connections = calloc(*count, sizeof *connections);
    for (size_t i = 0; i < *count; i++)
        connections[i].fd = connect_and_ask();
    for (size_t i = 0; i < *count; i++)
        read_answer(&connections[i]);
    for (size_t i = 0; i < *count; i++) {
        send_text(connections[i].fd, lines[i], sizes[i]);
        fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
    }
    return connections;
}

static void print_counts(size_t connections, double seconds, double cpu_s) {
    double quotes = (double)counts.quotes;
    printf("{\"connections\": %zu, \"seconds\": %.4f, \"quotes\": %llu, \"frames\": %llu, \"payload_bytes\": %llu, "
           "\"bytes_per_quote\": %.3f, \"quotes_per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"samples\": %llu, \"closed\": %llu, \"cpu_share\": %.3f}\n",
           connections, seconds, (unsigned long long)counts.quotes, (unsigned long long)counts.frames,
           (unsigned long long)counts.payload_bytes, quotes > 0 ? (double)counts.payload_bytes / quotes : 0,
           quotes / seconds, percentile_ms(0.50), percentile_ms(0.99), (unsigned long long)counts.samples,
           (unsigned long long)counts.closed, cpu_s / seconds);
    fflush(stdout);
}

typedef struct {
    int epoll;
    Connection *connections;
    size_t count, answered;
    bool stdin_closed;
} Reader;

static void turn(Reader *reader, int timeout_ms) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(reader->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < ready; i++) {
        Connection *connection = events[i].data.ptr;
        if (!connection) {
            char byte;
            if (read(STDIN_FILENO, &byte, 1) <= 0)
                reader->stdin_closed = true;
            continue;
        }
        if (!read_some(connection)) {
            close(connection->fd);
            counts.closed++;
        }
        if (!connection->answered) {
            connection->answered = true;
            reader->answered++;
        }
    }
}

static void read_for(Reader *reader, double seconds) {
    uint64_t end_us = clock_us(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e6), now_us;
    while ((now_us = clock_us(CLOCK_MONOTONIC)) < end_us)
        turn(reader, (int)((end_us - now_us) / 1000) + 1);
}

static double own_cpu_s(void) {
    return (double)clock_us(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
}

static void read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'},       {"path", 1, 0, 'P'},      {"api-key", 1, 0, 'k'}, {"subprotocol", 1, 0, 's'},
        {"subscriptions", 1, 0, 'f'}, {"warm-up-s", 1, 0, 'w'}, {"window-s", 1, 0, 'W'}, {"arrays", 0, 0, 'a'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'P': path = optarg; break;
        case 'k': api_key = optarg; break;
        case 's': subprotocol = optarg; break;
        case 'f': subscriptions = optarg; break;
        case 'w': warm_up_s = atof(optarg); break;
        case 'W': window_s = atof(optarg); break;
        case 'a': arrays = true; break;
        default: exit(2);
        }
    if (!port || !subscriptions)
        fail("--port and --subscriptions are needed");
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    buffer = malloc(2 * FRAME_LIMIT_BYTES + READ_BYTES);
    if (!buffer)
        fail("memory");

    Reader reader = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    reader.connections = open_all(&reader.count);
    for (size_t i = 0; i < reader.count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &reader.connections[i]};
        epoll_ctl(reader.epoll, EPOLL_CTL_ADD, reader.connections[i].fd, &event);
    }
    uint64_t limit_us = clock_us(CLOCK_MONOTONIC) + (uint64_t)READY_LIMIT_S * 1000000;
    while (reader.answered < reader.count) {
        turn(&reader, 1000);
        errno = ETIMEDOUT;
        if (clock_us(CLOCK_MONOTONIC) > limit_us)
            fail("not every connection was answered");
    }
    fputs("ready\n", stderr);
    read_for(&reader, warm_up_s);
    memset(&counts, 0, sizeof counts);
    fputs("begin\n", stderr);
    uint64_t begin_us = clock_us(CLOCK_MONOTONIC);
    double begin_cpu_s = own_cpu_s();
    read_for(&reader, window_s);
    double seconds = (double)(clock_us(CLOCK_MONOTONIC) - begin_us) / 1e6;
    print_counts(reader.count, seconds, own_cpu_s() - begin_cpu_s);
    fputs("end\n", stderr);

    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(reader.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        return 0;
    while (!reader.stdin_closed)
        turn(&reader, 1000);
    return 0;
}
