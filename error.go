package farmtally

import (
	"errors"
	"fmt"
	"strings"
)

// Kind classifies an error by what the caller can do about it. The server has one
// table from Kind to AWS's exceptions.
type Kind int

// The kinds of error.
const (
	// Invalid: the request breaks a rule; Fields says which.
	Invalid Kind = iota + 1
	// NotFound: what the request names does not exist; Resource says what.
	NotFound
	// Denied: the caller may not do this.
	Denied
	// Throttled: try again after RetryAfter.
	Throttled
	// Unavailable: something else holds what is needed: a lock, a port, a folder.
	Unavailable
	// Corrupt: stored data is not what was written.
	Corrupt
	// TooLarge: the result would exceed a limit; Message says what to reduce.
	TooLarge
	// Internal: a fault of the program or the machine.
	Internal
)

// Field is one member of a request or a record that breaks its rule.
type Field struct {
	Name    string // the member's path, such as "resourceIds.queueIds"
	Message string // a sentence that says what is allowed
}

// Resource names a thing that was not found, with AWS's resourceType.
type Resource struct {
	Type string // "farm", "queue", "fleet", "sessions-statistics-aggregation"
	ID   string
}

// Error is an error for two audiences: Message and Hint for the user, Err for the
// log.
type Error struct {
	Kind     Kind
	Message  string
	Hint     string // what to try, or ""
	Fields   []Field
	Resource Resource
	Err      error
}

func (e *Error) Error() string {
	parts := []string{e.Message}
	for _, f := range e.Fields {
		parts = append(parts, f.Name+": "+f.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if e.Hint != "" {
		parts = append(parts, e.Hint)
	}
	return strings.Join(parts, "; ")
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of the kind with a message for the user.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf is the kind of the first Error in err's chain, and Internal where there
// is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Closest is the one of the known names that s is most likely a misspelling of, and
// "" where none is close: where case aside more than a third of the letters would
// have to change.
func Closest(s string, known []string) string {
	best, least := "", len(s)/3+1
	if len(s) > maxSuggestion {
		return best
	}
	for _, name := range known {
		if d := editDistance(strings.ToLower(s), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// maxSuggestion bounds the texts that Closest looks at.
const maxSuggestion = 64

// editDistance counts the bytes to insert, delete or change (Levenshtein) to get
// from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
