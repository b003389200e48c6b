import java.util.Arrays;
import java.util.Map;

/**
 * The codec: octets to frames. This is the file to replace by your own, or to grow from here.
 *
 * <p>What is here: the functions `sequence` and `frameOctets`, and the verdict on a header that is not whole. What comes
 * next stands where it belongs, with the requirement it is about: `eim-conformance explain EIM-FRM-008`.
 */
final class Codec {
    static final int HEADER_OCTETS = 11;

    private Codec() {}

    /** The peer broke a rule: the connection ends with this code. Bugs are other exceptions. */
    static final class Reject extends Exception {
        private static final long serialVersionUID = 1;

        final String stage;
        final String code;

        Reject(String stage, String code) {
            super(stage + ": " + code);
            this.stage = stage;
            this.code = code;
        }
    }

    /** A whole frame; the payload is as on the wire. Unsigned 32-bit numbers need a long. */
    record Frame(int version, int type, long sequence, int compression, byte[] payload) {}

    /** Octets to frames, however they are divided into reads (EIM-FRM-004). */
    static final class Decoder {
        /** What the receiver has agreed to: role, phase, version, max_payload, compressions, negotiated_types. */
        private final Map<String, Object> config;

        private byte[] buffer = {};
        private int frames;
        /** Octets from the beginning of the buffer up to the next decision. */
        private long needed = HEADER_OCTETS;

        Decoder(Map<String, Object> config) {
            this.config = config;
        }

        /** Octets have arrived. */
        void feed(byte[] octets) {
            int before = buffer.length;
            buffer = Arrays.copyOf(buffer, before + octets.length);
            System.arraycopy(octets, 0, buffer, before, octets.length);
        }

        /** The next frame that is whole; null when octets are missing. */
        Frame next() throws Reject {
            if (buffer.length < needed) {
                return null; // EIM-FRM-005: fewer than 11 octets are incomplete, whatever they are.
            }
            // Next: take the header apart (EIM-FRM-001, EIM-FRM-002), judge version, type, compression and length in
            // this order (EIM-FRM-008), at once (EIM-FRM-007), for instance
            //     throw new Reject("header", "UNSUPPORTED_VERSION");
            // then wait for the payload (needed = HEADER_OCTETS + length, EIM-FRM-006) and return the Frame.
            throw new UnsupportedOperationException("not written yet: a whole header (Codec.java, Decoder.next)");
        }

        /** Octets up to the next decision; 0 behind the end of a frame. */
        long missing() {
            return frames > 0 && buffer.length == 0 ? 0 : needed - buffer.length;
        }
    }

    /** The 32-bit form of an ordinal, which is unsigned; it is never 0 (EIM-SEQ-002). */
    static long sequence(long ordinal) {
        return 1 + Long.remainderUnsigned(ordinal - 1, 0xFFFF_FFFFL);
    }

    /** What a frame costs in credit (EIM-WIN-002). */
    static long frameOctets(long length) {
        return HEADER_OCTETS + length;
    }
}
