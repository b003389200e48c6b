import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The loop of a testee: one JSON object a line in, one a line out. See `eim-conformance init-testee` and codec.md.
 *
 * <p>Nothing of EIM itself is here: that is Codec.java. Nothing but replies may go to standard output: use System.err for
 * what you want to see while you work. The suite shows the end of it when the testee crashes.
 */
public final class Testee {
    private Testee() {}

    /** One reply to each request, in order, until `bye` or the end of the input. */
    public static void main(String[] arguments) throws IOException {
        PrintStream replies = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        // Whatever a library prints by accident ends up where it does no harm.
        System.setOut(System.err);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> request = Json.object(Json.read(line));
            Map<String, Object> reply = new LinkedHashMap<>();
            reply.put("id", request.get("id"));
            reply.putAll(answer(request));
            replies.print(Json.write(reply) + "\n");
            // The suite waits for this reply.
            replies.flush();
            if ("bye".equals(request.get("op"))) {
                return;
            }
        }
    }

    /** The reply to a request, without its id. A bug fails this case and no other; it is never a rejection. */
    private static Map<String, Object> answer(Map<String, Object> request) {
        try {
            return switch ((String) request.get("op")) {
                case "hello" -> hello();
                case "decode" -> decode(request);
                case "derive" -> derive(request);
                case "bye" -> Map.of();
                default -> Map.of("unsupported", true);
            };
        } catch (RuntimeException bug) {
            bug.printStackTrace();
            return Map.of("error", bug.toString());
        }
    }

    /** Who this is. Declare what you have, and no more: what is declared has to work. */
    private static Map<String, Object> hello() {
        return Map.of(
                "protocol", 1,
                "impl", Map.of("name", "my-codec", "version", "0.1", "language", "Java"),
                "roles", List.of("codec"),
                "spec", List.of("1.0"),
                // Next: "open", "message", "reassemble", "encode", "story", once decode is green.
                "ops", List.of("decode", "derive"),
                // Next: "compression.zstd", "compression.lz4", "compression.snappy", "extensions".
                "features", List.of(),
                // "stage" while the stages are right and the codes are not yet; "code" compares both.
                "error_fidelity", "code");
    }

    /** Feeds the chunks one by one, as reads from a socket would bring them, and reports every frame that was whole. */
    private static Map<String, Object> decode(Map<String, Object> request) {
        Codec.Decoder decoder = new Codec.Decoder(Json.object(request.getOrDefault("config", Map.of())));
        List<Object> frames = new ArrayList<>();
        try {
            for (Object chunk : Json.list(request.get("chunks"))) {
                decoder.feed(octets(chunk));
                for (Codec.Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
                    frames.add(shown(frame));
                }
            }
        } catch (Codec.Reject fault) {
            return Map.of("frames", frames, "reject", Map.of("stage", fault.stage, "code", fault.code));
        }
        long missing = decoder.missing();
        return missing == 0
                ? Map.of("frames", frames)
                : Map.of("frames", frames, "incomplete", Map.of("need_at_least", missing));
    }

    private static Map<String, Object> shown(Codec.Frame frame) {
        return Map.of(
                "version", frame.version(),
                "type", frame.type(),
                "sequence", frame.sequence(),
                "compression", frame.compression(),
                "payload_hex", HexFormat.of().formatHex(frame.payload()));
    }

    /** A chunk is hexadecimal, or octets repeated: {"repeat":"00","count":65536}. */
    private static byte[] octets(Object chunk) {
        if (chunk instanceof String hex) {
            return HexFormat.of().parseHex(hex);
        }
        Map<String, Object> repeated = Json.object(chunk);
        byte[] one = HexFormat.of().parseHex((String) repeated.get("repeat"));
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (long times = (Long) repeated.get("count"); times > 0; times--) {
            all.writeBytes(one);
        }
        return all.toByteArray();
    }

    /** Functions that yield a value. One that is not written yet is `unsupported`. */
    private static Map<String, Object> derive(Map<String, Object> request) {
        Map<String, Object> given = Json.object(request.get("arguments"));
        return switch ((String) request.get("function")) {
            // Ordinals may exceed 2^53, so they are strings in JSON; they fill all 64 bits of a long.
            case "sequence" -> Map.of("value", Codec.sequence(Long.parseUnsignedLong((String) given.get("ordinal"))));
            case "frame_octets" -> Map.of("value", Codec.frameOctets((Long) given.get("length")));
            // Next: "conversation_id" (SHA-256, EIM-MSG-010), "binding", "error_rule", …
            default -> Map.of("unsupported", true);
        };
    }
}
