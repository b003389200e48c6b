/* The codec: octets to frames. These two files are those to replace by your own, or to grow from here. */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

#define HEADER_OCTETS 11

/* A whole frame; the payload is as on the wire, and lives until the next call. */
struct frame {
    uint8_t version, type, compression;
    uint32_t sequence;
    const uint8_t *payload;
    size_t payload_octets;
};

/* Next: what the receiver has agreed to (role, phase, version, max_payload, compressions, negotiated_types). */
struct decoder {
    uint8_t *buffer;
    size_t held, room;
    /* Octets from the beginning of the buffer up to the next decision. */
    size_t needed;
    unsigned long frames;
    /* After REJECTED: the peer broke a rule, and the connection ends with this code. */
    const char *stage, *code;
};

enum outcome { FRAME, INCOMPLETE, REJECTED, NOT_WRITTEN };

void decoder_begin(struct decoder *decoder);
void decoder_end(struct decoder *decoder);
/* Octets have arrived. */
void decoder_feed(struct decoder *decoder, const uint8_t *octets, size_t count);
/* The next frame that is whole, or what keeps it from being one. */
enum outcome decoder_next(struct decoder *decoder, struct frame *frame);
/* Octets up to the next decision; 0 behind the end of a frame. */
size_t decoder_missing(const struct decoder *decoder);

/* The 32-bit form of an ordinal; it is never 0 (EIM-SEQ-002). */
uint32_t eim_sequence(uint64_t ordinal);
/* What a frame costs in credit (EIM-WIN-002). The sum does not fit 32 bits. */
uint64_t eim_frame_octets(uint32_t length);

#endif
