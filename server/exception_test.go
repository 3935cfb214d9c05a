package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// TestEveryKind walks the kinds of error, each wrapped: none may be without an
// exception, and each has the status and the members of AWS's model.
func TestEveryKind(t *testing.T) {
	want := map[farmtally.Kind]string{
		farmtally.Invalid:      "400 ValidationException OTHER",
		farmtally.NotFound:     "404 ResourceNotFoundException farm farm-x",
		farmtally.Denied:       "403 AccessDeniedException",
		farmtally.Throttled:    "429 ThrottlingException deadline 1",
		farmtally.Unavailable:  "500 InternalServerErrorException 1",
		farmtally.Corrupt:      "500 InternalServerErrorException 1",
		farmtally.TooLarge:     "400 ValidationException OTHER",
		farmtally.Internal:     "500 InternalServerErrorException 1",
		0:                      "500 InternalServerErrorException 1",
		farmtally.Internal + 1: "500 InternalServerErrorException 1", // a kind that is added must be added here
	}
	for kind := farmtally.Kind(0); kind <= farmtally.Internal+1; kind++ {
		fault := farmtally.Errorf(kind, "A sentence.")
		fault.Resource = farmtally.Resource{Type: "farm", ID: "farm-x"}
		fault.Hint = "A hint."
		fault.Err = errors.New("a cause")
		e := exceptionOf(fmt.Errorf("do it: %w", fault), "r-1")
		have := fmt.Sprint(e.Type.Status(), " ", e.Type)
		for _, member := range []string{string(e.Reason), e.ResourceType, e.ResourceID, e.ServiceCode} {
			if member != "" {
				have += " " + member
			}
		}
		if e.RetryAfterSeconds > 0 {
			have += fmt.Sprint(" ", e.RetryAfterSeconds)
		}
		if have != want[kind] {
			t.Errorf("kind %d: got %s, want %s", kind, have, want[kind])
		}
		says := "A sentence. A hint."
		if e.Type == deadline.InternalServerError {
			says = "The server could not answer. Its log says why under request id r-1."
		}
		if e.Message != says {
			t.Errorf("kind %d says %q, want %q", kind, e.Message, says)
		}
	}
	if len(want) != len(exceptionTypes)+2 {
		t.Errorf("%d kinds have an exception, and %d are tested", len(exceptionTypes), len(want)-2)
	}
}

func TestInvalidWithFields(t *testing.T) {
	fault := &farmtally.Error{Kind: farmtally.Invalid, Fields: []farmtally.Field{{Name: "a.b", Message: "must be c"}}}
	e := exceptionOf(fault, "")
	if e.Reason != deadline.FieldValidationFailed || len(e.FieldList) != 1 || e.FieldList[0] != (deadline.Field{Name: "a.b", Message: "must be c"}) {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(e.Message, "a.b must be c") {
		t.Errorf("got %q", e.Message)
	}
}

func TestForeignError(t *testing.T) {
	if e := exceptionOf(errors.New("/secret/path"), "r-1"); e.Type.Status() != http.StatusInternalServerError || strings.Contains(e.Message, "secret") {
		t.Errorf("got %+v", e)
	}
}
