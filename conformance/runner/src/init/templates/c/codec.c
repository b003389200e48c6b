/* What is here: eim_sequence, eim_frame_octets, and the verdict on a header that is not whole. What comes next stands
 * where it belongs, with the requirement it is about: `eim-conformance explain EIM-FRM-008`. */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

void decoder_begin(struct decoder *decoder) {
    memset(decoder, 0, sizeof *decoder);
    decoder->needed = HEADER_OCTETS;
}

void decoder_end(struct decoder *decoder) {
    free(decoder->buffer);
}

void decoder_feed(struct decoder *decoder, const uint8_t *octets, size_t count) {
    if (count > decoder->room - decoder->held) {
        decoder->room = 2 * decoder->room + count;
        decoder->buffer = realloc(decoder->buffer, decoder->room);
        if (decoder->buffer == NULL) {
            abort();
        }
    }
    if (count > 0) {
        memcpy(decoder->buffer + decoder->held, octets, count);
        decoder->held += count;
    }
}

/* EIM-FRM-004: the same outcome, however the octets are divided into reads. */
enum outcome decoder_next(struct decoder *decoder, struct frame *frame) {
    if (decoder->held < decoder->needed) {
        return INCOMPLETE; /* EIM-FRM-005: fewer than 11 octets are incomplete, whatever they are. */
    }
    /* Next: take the header apart (EIM-FRM-001, EIM-FRM-002), judge version, type, compression and length in this
     * order (EIM-FRM-008), at once (EIM-FRM-007), for instance
     *     decoder->stage = "header", decoder->code = "UNSUPPORTED_VERSION";
     *     return REJECTED;
     * then wait for the payload (decoder->needed = HEADER_OCTETS + length, EIM-FRM-006) and fill in the frame. */
    (void)frame;
    return NOT_WRITTEN;
}

size_t decoder_missing(const struct decoder *decoder) {
    return decoder->frames > 0 && decoder->held == 0 ? 0 : decoder->needed - decoder->held;
}

uint32_t eim_sequence(uint64_t ordinal) {
    return (uint32_t)(1 + (ordinal - 1) % UINT32_MAX);
}

uint64_t eim_frame_octets(uint32_t length) {
    return HEADER_OCTETS + (uint64_t)length;
}
