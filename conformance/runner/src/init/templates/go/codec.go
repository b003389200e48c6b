package main

// The codec: octets to frames. This is the file to replace by your own, or to grow from here.
//
// What is here: the functions Sequence and FrameOctets, and the verdict on a header that is not whole. What comes
// next stands where it belongs, with the requirement it is about: `eim-conformance explain EIM-FRM-008`.

import (
	"errors"
	"math"
)

const headerOctets = 11

// Reject says that the peer broke a rule: the connection ends with this code. Bugs are other errors.
type Reject struct{ Stage, Code string }

func (r *Reject) Error() string { return r.Stage + ": " + r.Code }

// Config is what the receiver has agreed to.
type Config struct {
	Role            string `json:"role"`
	Phase           string `json:"phase"`
	Version         uint8  `json:"version"`
	MaxPayload      uint32 `json:"max_payload"`
	Compressions    []int  `json:"compressions"`
	NegotiatedTypes []int  `json:"negotiated_types"`
}

// DefaultConfig has the values of what a request leaves out.
func DefaultConfig() Config {
	return Config{Role: "server", Phase: "open", Version: 1, MaxPayload: 65536, Compressions: []int{0, 1, 2, 3}}
}

// Frame is a whole frame; the payload is as on the wire.
type Frame struct {
	Version     uint8
	Type        uint8
	Sequence    uint32
	Compression uint8
	Payload     []byte
}

// Decoder turns octets into frames, however they are divided into reads (EIM-FRM-004).
type Decoder struct {
	config Config
	buffer []byte
	frames int
	// needed counts octets from the beginning of the buffer up to the next decision.
	needed int
}

// NewDecoder is a decoder at the beginning of a connection.
func NewDecoder(config Config) *Decoder {
	return &Decoder{config: config, needed: headerOctets}
}

// Feed says that octets have arrived.
func (d *Decoder) Feed(octets []byte) {
	d.buffer = append(d.buffer, octets...)
}

// Next is the next frame that is whole; nil when octets are missing; a *Reject when a rule is broken.
func (d *Decoder) Next() (*Frame, error) {
	if len(d.buffer) < d.needed {
		return nil, nil // EIM-FRM-005: fewer than 11 octets are incomplete, whatever they are.
	}
	// Next: take the header apart (EIM-FRM-001, EIM-FRM-002), judge version, type, compression and length in this
	// order (EIM-FRM-008), at once (EIM-FRM-007), for instance
	//     return nil, &Reject{"header", "UNSUPPORTED_VERSION"}
	// then wait for the payload (d.needed = headerOctets + length, EIM-FRM-006) and return the Frame.
	return nil, errors.New("not written yet: a whole header (codec.go, Decoder.Next)")
}

// Missing counts the octets up to the next decision; 0 behind the end of a frame.
func (d *Decoder) Missing() int {
	if d.frames > 0 && len(d.buffer) == 0 {
		return 0
	}
	return d.needed - len(d.buffer)
}

// Sequence is the 32-bit form of an ordinal; it is never 0 (EIM-SEQ-002).
func Sequence(ordinal uint64) uint32 {
	return uint32(1 + (ordinal-1)%math.MaxUint32)
}

// FrameOctets is what a frame costs in credit (EIM-WIN-002). The sum does not fit 32 bits.
func FrameOctets(length uint32) uint64 {
	return headerOctets + uint64(length)
}
