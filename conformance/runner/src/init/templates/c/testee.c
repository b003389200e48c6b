/* The loop of a testee: one JSON object a line in, one a line out. See `eim-conformance init-testee` and codec.md.
 *
 * Nothing of EIM itself is here: that is codec.c. Nothing but replies may go to standard output: use
 * fprintf(stderr, …) for what you want to see while you work. The suite shows the end of it after a crash. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "json.h"

/* Who this is. Declare what you have, and no more: what is declared has to work.
 * Next: ops "open", "message", "reassemble", "encode", "story", once decode is green; features "compression.zstd",
 * "compression.lz4", "compression.snappy", "extensions". error_fidelity may be "stage" while the codes are not right yet. */
static const char HELLO[] =
    ",\"protocol\":1,\"impl\":{\"name\":\"my-codec\",\"version\":\"0.1\",\"language\":\"C\"},\"roles\":[\"codec\"],"
    "\"spec\":[\"1.0\"],\"ops\":[\"decode\",\"derive\"],\"features\":[],\"error_fidelity\":\"code\"";

/* The reply to the request at hand; written as a whole, when it is sure what it is. */
static struct {
    char *text;
    size_t held, room;
    /* Where it goes on behind `{"id":n`. */
    size_t begun;
} reply;

/* Adds to the reply. */
static void say(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t more = (size_t)vsnprintf(NULL, 0, format, again) + 1;
    va_end(again);
    if (more > reply.room - reply.held) {
        reply.room = 2 * reply.room + more;
        reply.text = realloc(reply.text, reply.room);
        if (reply.text == NULL) {
            abort();
        }
    }
    reply.held += (size_t)vsnprintf(reply.text + reply.held, more, format, arguments);
    va_end(arguments);
}

static void unsupported(void) {
    say(",\"unsupported\":true");
}

/* A bug, or what is not written yet: it fails this case and no other, and is never a rejection. */
static void error(const char *what) {
    fprintf(stderr, "%s\n", what);
    reply.held = reply.begun;
    say(",\"error\":\"%s\"", what);
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octets of hexadecimal text, to be freed; NULL when it is none. */
static uint8_t *unhex(const char *text, size_t *count) {
    *count = strlen(text) / 2;
    uint8_t *octets = malloc(*count + 1);
    for (size_t i = 0; octets != NULL && i < *count; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(octets);
            return NULL;
        }
        octets[i] = (uint8_t)(high << 4 | low);
    }
    return octets;
}

/* A chunk is hexadecimal, or octets repeated: {"repeat":"00","count":65536}. */
static bool feed(struct decoder *decoder, const struct json *chunk) {
    bool plain = chunk->kind == JSON_STRING;
    unsigned long times = plain ? 1 : strtoul(json_text(chunk, "count", "0"), NULL, 10);
    size_t count = 0;
    uint8_t *octets = unhex(plain ? chunk->text : json_text(chunk, "repeat", ""), &count);
    for (unsigned long i = 0; octets != NULL && i < times; i++) {
        decoder_feed(decoder, octets, count);
    }
    free(octets);
    return octets != NULL;
}

static void show(const struct frame *frame, bool first) {
    say("%s{\"version\":%u,\"type\":%u,\"sequence\":%" PRIu32 ",\"compression\":%u,\"payload_hex\":\"",
           first ? "" : ",", frame->version, frame->type, frame->sequence, frame->compression);
    for (size_t i = 0; i < frame->payload_octets; i++) {
        say("%02x", frame->payload[i]);
    }
    say("\"}");
}

/* Feeds the chunks one by one, as reads from a socket would bring them, and reports every frame that was whole. */
static void decode(const struct json *request) {
    struct decoder decoder;
    decoder_begin(&decoder);
    const struct json *chunks = json_get(request, "chunks");
    enum outcome outcome = INCOMPLETE;
    bool first = true, readable = chunks != NULL;
    say(",\"frames\":[");
    for (const struct json *chunk = readable ? chunks->first : NULL; chunk != NULL; chunk = chunk->next) {
        struct frame frame;
        readable = readable && feed(&decoder, chunk);
        while ((outcome = decoder_next(&decoder, &frame)) == FRAME) {
            show(&frame, first);
            first = false;
        }
        if (outcome != INCOMPLETE) {
            break;
        }
    }
    say("]");
    if (!readable) {
        error("chunks that cannot be read");
    } else if (outcome == NOT_WRITTEN) {
        error("not written yet: a whole header (codec.c, decoder_next)");
    } else if (outcome == REJECTED) {
        say(",\"reject\":{\"stage\":\"%s\",\"code\":\"%s\"}", decoder.stage, decoder.code);
    } else if (decoder_missing(&decoder) > 0) {
        say(",\"incomplete\":{\"need_at_least\":%zu}", decoder_missing(&decoder));
    }
    decoder_end(&decoder);
}

/* Functions that yield a value. One that is not written yet is `unsupported`. */
static void derive(const struct json *request) {
    const char *function = json_text(request, "function", "");
    const struct json *given = json_get(request, "arguments");
    if (strcmp(function, "sequence") == 0) {
        /* Ordinals may exceed 2^53, so they are strings in JSON. */
        uint64_t ordinal = strtoull(json_text(given, "ordinal", "0"), NULL, 10);
        say(",\"value\":%" PRIu32, eim_sequence(ordinal));
    } else if (strcmp(function, "frame_octets") == 0) {
        uint32_t length = (uint32_t)strtoul(json_text(given, "length", "0"), NULL, 10);
        say(",\"value\":%" PRIu64, eim_frame_octets(length));
    } else {
        /* Next: "conversation_id" (SHA-256, EIM-MSG-010), "binding", "error_rule", … */
        unsupported();
    }
}

/* The next line without its end, to be freed; NULL at the end of the input. */
static char *line(void) {
    size_t held = 0, room = 4096;
    char *text = malloc(room);
    while (text != NULL && fgets(text + held, (int)(room - held), stdin) != NULL) {
        held += strlen(text + held);
        if (held > 0 && text[held - 1] == '\n') {
            text[held - 1] = '\0';
            return text;
        }
        if (room - held < 2) {
            room *= 2;
            text = realloc(text, room);
        }
    }
    if (text != NULL && held > 0) {
        return text;
    }
    free(text);
    return NULL;
}

/* One reply to each request, in order, until `bye` or the end of the input. */
int main(void) {
    bool bye = false;
    for (char *text = line(); text != NULL && !bye; text = bye ? NULL : line()) {
        struct json *request = json_read(text);
        const char *op = json_text(request, "op", "");
        reply.held = 0;
        say("{\"id\":%s", json_text(request, "id", "0"));
        reply.begun = reply.held;
        if (request == NULL) {
            error("a line that is no JSON");
        } else if (strcmp(op, "hello") == 0) {
            say("%s", HELLO);
        } else if (strcmp(op, "decode") == 0) {
            decode(request);
        } else if (strcmp(op, "derive") == 0) {
            derive(request);
        } else if (strcmp(op, "bye") == 0) {
            bye = true;
        } else {
            unsupported();
        }
        say("}\n");
        fputs(reply.text, stdout);
        /* The suite waits for this reply. */
        fflush(stdout);
        json_free(request);
        free(text);
    }
    free(reply.text);
    return 0;
}
