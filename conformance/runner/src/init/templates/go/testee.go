// The loop of a testee: one JSON object a line in, one a line out. See `eim-conformance init-testee` and codec.md.
//
// Nothing of EIM itself is here: that is codec.go. Nothing but replies may go to standard output: use log, which
// writes to standard error, for what you want to see while you work. The suite shows the end of it after a crash.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
)

// request has the keys of all requests that this testee knows.
type request struct {
	ID        json.Number `json:"id"`
	Op        string      `json:"op"`
	Config    Config      `json:"config"`
	Chunks    []chunk     `json:"chunks"`
	Function  string      `json:"function"`
	Arguments struct {
		// Ordinals may exceed 2^53, so they are strings in JSON.
		Ordinal string `json:"ordinal"`
		Length  uint32 `json:"length"`
	} `json:"arguments"`
}

// reply is the reply to a request, without its id.
type reply map[string]any

// chunk is hexadecimal, or octets repeated: {"repeat":"00","count":65536}.
type chunk []byte

func (c *chunk) UnmarshalJSON(text []byte) error {
	var repeated struct {
		Repeat string `json:"repeat"`
		Count  int    `json:"count"`
	}
	if text[0] == '"' {
		repeated.Count = 1
		if err := json.Unmarshal(text, &repeated.Repeat); err != nil {
			return err
		}
	} else if err := json.Unmarshal(text, &repeated); err != nil {
		return err
	}
	one, err := hex.DecodeString(repeated.Repeat)
	*c = bytes.Repeat(one, repeated.Count)
	return err
}

// hello says who this is. Declare what you have, and no more: what is declared has to work.
func hello() reply {
	return reply{
		"protocol": 1,
		"impl":     reply{"name": "my-codec", "version": "0.1", "language": "Go"},
		"roles":    []string{"codec"},
		"spec":     []string{"1.0"},
		// Next: "open", "message", "reassemble", "encode", "story", once decode is green.
		"ops": []string{"decode", "derive"},
		// Next: "compression.zstd", "compression.lz4", "compression.snappy", "extensions".
		"features": []string{},
		// "stage" while the stages are right and the codes are not yet; "code" compares both.
		"error_fidelity": "code",
	}
}

// decode feeds the chunks one by one, as reads from a socket would bring them, and reports every frame that was whole.
func decode(r *request) (reply, error) {
	decoder := NewDecoder(r.Config)
	frames := []reply{}
	for _, octets := range r.Chunks {
		decoder.Feed(octets)
		for {
			frame, err := decoder.Next()
			var fault *Reject
			if errors.As(err, &fault) {
				return reply{"frames": frames, "reject": reply{"stage": fault.Stage, "code": fault.Code}}, nil
			}
			if err != nil {
				return nil, err
			}
			if frame == nil {
				break
			}
			frames = append(frames, reply{
				"version":     frame.Version,
				"type":        frame.Type,
				"sequence":    frame.Sequence,
				"compression": frame.Compression,
				"payload_hex": hex.EncodeToString(frame.Payload),
			})
		}
	}
	if missing := decoder.Missing(); missing > 0 {
		return reply{"frames": frames, "incomplete": reply{"need_at_least": missing}}, nil
	}
	return reply{"frames": frames}, nil
}

// derive has the functions that yield a value. One that is not written yet is unsupported.
func derive(r *request) (reply, error) {
	switch r.Function {
	case "sequence":
		ordinal, err := strconv.ParseUint(r.Arguments.Ordinal, 10, 64)
		return reply{"value": Sequence(ordinal)}, err
	case "frame_octets":
		return reply{"value": FrameOctets(r.Arguments.Length)}, nil
	// Next: "conversation_id" (SHA-256, EIM-MSG-010), "binding", "error_rule", …
	default:
		return reply{"unsupported": true}, nil
	}
}

// answer gives the reply to a request. A bug fails this case and no other; it is never a rejection.
func answer(r *request) (answered reply) {
	defer func() {
		if bug := recover(); bug != nil {
			log.Printf("request %s: %v", r.ID, bug)
			answered = reply{"error": fmt.Sprint(bug)}
		}
	}()
	var err error
	switch r.Op {
	case "hello":
		answered = hello()
	case "decode":
		answered, err = decode(r)
	case "derive":
		answered, err = derive(r)
	case "bye":
		answered = reply{}
	default:
		answered = reply{"unsupported": true}
	}
	if err != nil {
		log.Printf("request %s: %v", r.ID, err)
		return reply{"error": err.Error()}
	}
	return answered
}

// main gives one reply to each request, in order, until `bye` or the end of the input.
func main() {
	lines := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<16))
	// Encode ends each reply with a new line; nothing is buffered, because the suite waits for it.
	replies := json.NewEncoder(os.Stdout)
	for lines.More() {
		r := request{Config: DefaultConfig()}
		var answered reply
		if err := lines.Decode(&r); err != nil {
			// Known keys of another form, or no JSON at all, after which nothing more can be read.
			log.Printf("request %s: %v", r.ID, err)
			answered = reply{"error": err.Error()}
		} else {
			answered = answer(&r)
		}
		answered["id"] = r.ID
		if err := replies.Encode(answered); err != nil {
			log.Fatal(err)
		}
		if r.Op == "bye" {
			return
		}
	}
}
