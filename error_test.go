package farmtally_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/farmtally/farmtally"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  *farmtally.Error
		want string
	}{
		{farmtally.Errorf(farmtally.Throttled, "farm %s is busy", "east"), "farm east is busy"},
		{&farmtally.Error{Message: "a"}, "a"},
		{&farmtally.Error{Message: "a", Hint: "try b"}, "a; try b"},
		{&farmtally.Error{Message: "a", Err: io.EOF}, "a; EOF"},
		{&farmtally.Error{Message: "a", Fields: []farmtally.Field{{Name: "b", Message: "is required"}, {Name: "c", Message: "is large"}}}, "a; b: is required; c: is large"},
		{&farmtally.Error{Message: "a", Fields: []farmtally.Field{{Name: "b", Message: "is required"}}, Err: io.EOF, Hint: "try d"}, "a; b: is required; EOF; try d"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for kind := farmtally.Invalid; kind <= farmtally.Internal; kind++ {
		var err error = farmtally.Errorf(kind, "a")
		for _, wrapped := range []error{err, fmt.Errorf("open b: %w", err), fmt.Errorf("c: %w", fmt.Errorf("d: %w", err)), errors.Join(io.EOF, err)} {
			if got := farmtally.KindOf(wrapped); got != kind {
				t.Errorf("kind of %q is %d, want %d", wrapped, got, kind)
			}
		}
	}
	for _, err := range []error{io.EOF, fmt.Errorf("a: %w", io.EOF), nil} {
		if got := farmtally.KindOf(err); got != farmtally.Internal {
			t.Errorf("kind of %v is %d", err, got)
		}
	}
	outer := &farmtally.Error{Kind: farmtally.Unavailable, Message: "a", Err: farmtally.Errorf(farmtally.Corrupt, "b")}
	if got := farmtally.KindOf(outer); got != farmtally.Unavailable {
		t.Errorf("kind of an Error in an Error is %d, want the outer one's", got)
	}
}

func TestErrorUnwraps(t *testing.T) {
	err := fmt.Errorf("read a: %w", &farmtally.Error{Kind: farmtally.Corrupt, Message: "b", Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if e, ok := errors.AsType[*farmtally.Error](err); !ok || e.Message != "b" {
		t.Error("the Error is lost")
	}
}
