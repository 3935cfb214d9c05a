package farmtally

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// FarmID is "farm-" and 32 lower-case hexadecimal digits.
type FarmID string

// QueueID is "queue-" and 32 lower-case hexadecimal digits; "" is no queue.
type QueueID string

// FleetID is "fleet-" and 32 lower-case hexadecimal digits; "" is no fleet.
type FleetID string

// JobID is "job-" and 32 lower-case hexadecimal digits; "" is no job.
type JobID string

// The prefixes of ids, as AWS Deadline Cloud writes them.
const (
	FarmPrefix  = "farm-"
	QueuePrefix = "queue-"
	FleetPrefix = "fleet-"
	JobPrefix   = "job-"
)

const idDigits = 32

// hexDigit is 1 for each lower-case hexadecimal digit.
var hexDigit = func() (t [256]byte) {
	for _, c := range []byte("0123456789abcdef") {
		t[c] = 1
	}
	return t
}()

// IsID reports whether s is the prefix followed by 32 lower-case hexadecimal digits.
func IsID(prefix, s string) bool {
	if len(s) != len(prefix)+idDigits || s[:len(prefix)] != prefix {
		return false
	}
	good := byte(1)
	for i := len(prefix); i < len(s); i++ {
		good &= hexDigit[s[i]]
	}
	return good == 1
}

// MistypedID reports whether s was meant as an id and is none: the prefix and at
// least 16 hexadecimal digits, but not exactly 32 lower-case ones and nothing else.
// Where a name may stand for an id, such a text must not pass for a name.
func MistypedID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || IsID(prefix, s) {
		return false
	}
	end := strings.IndexFunc(digits, func(c rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", c) })
	if end < 0 {
		end = len(digits)
	}
	return end >= idDigits/2
}

// HashID makes the id of a thing that a source knows by name: the prefix and the
// first 128 bits of SHA-256 over the source's kind ("slurm", "opencue", …), the
// farm's name there, and the name. The same log imported twice, on two machines,
// gives the same ids.
func HashID(prefix, source, farm, name string) string {
	h := sha256.New()
	for _, part := range []string{prefix, source, farm, name} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return prefix + hex.EncodeToString(h.Sum(nil)[:idDigits/2])
}
