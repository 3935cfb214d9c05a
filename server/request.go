package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// The bounds of a request.
const (
	maxBody      = 1 << 20 // bytes
	maxResults   = 100     // AWS's
	maxEcho      = 200     // bytes of a request that an answer repeats
	maxFieldList = 100     // members at fault that an answer names
	idDigits     = 32      // of an id, hexadecimal
)

// request is one request whose signature is good.
type request struct {
	*http.Request
	key      farmtally.AccessKey // that signed it
	body     []byte
	query    url.Values
	farm     farmtally.FarmID // of the path, unchecked
	resource string           // the queue's or fleet's id of the path, unchecked
	bad      faults
	download *download // for an answer whose body is written as it comes into being
}

// faults collects what is wrong with the form of a request, over all its members.
type faults struct {
	fields      []deadline.Field
	cannotParse bool // one of them is of the wrong JSON type
}

// add notes what is wrong with a member. The first complaint about it stands, and
// those beyond maxFieldList are dropped: a request can have a hundred thousand.
func (f *faults) add(name, message string) {
	if len(f.fields) < maxFieldList && !f.has(name) {
		f.fields = append(f.fields, deadline.Field{Name: name, Message: message})
	}
}

func (f *faults) has(name string) bool {
	return slices.ContainsFunc(f.fields, func(x deadline.Field) bool { return x.Name == name })
}

// exception gives what answers a request with these faults, and nil where there is
// none.
func (f *faults) exception() error {
	if len(f.fields) == 0 {
		return nil
	}
	reason := deadline.FieldValidationFailed
	if f.cannotParse {
		reason = deadline.CannotParse
	}
	return validation(reason, f.fields)
}

// validation makes the exception for the fields. Its message says all, for it is
// what most clients show.
func validation(reason deadline.Reason, fields []deadline.Field) *deadline.Exception {
	says := make([]string, len(fields))
	for i, f := range fields {
		says[i] = f.Name + " " + f.Message
	}
	message := "The request is not valid: " + strings.Join(says, "; ") + "."
	return &deadline.Exception{Type: deadline.Validation, Reason: reason, FieldList: fields, Message: message}
}

// malformed makes the exception for a request that has no member to blame.
func malformed(reason deadline.Reason, format string, args ...any) *deadline.Exception {
	return &deadline.Exception{Type: deadline.Validation, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// readBody reads a body up to its bound.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	most := int64(maxBody)
	if isPush(r) {
		most = MaxPushBytes
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, malformed(deadline.Other, "The body of the request is longer than %d bytes.", most)
	}
	if err != nil {
		return nil, malformed(deadline.Other, "The body of the request could not be read to its end.")
	}
	return body, nil
}

// checkFarm checks the form of the path's farm id.
func (r *request) checkFarm() { r.checkID("farmId", farmtally.FarmPrefix, string(r.farm)) }

// checkID checks the form of an id. That of an aggregation has no prefix.
func (r *request) checkID(name, prefix, id string) {
	switch {
	case farmtally.IsID(prefix, id):
	case id == "":
		r.bad.add(name, "is required")
	case prefix == "":
		r.bad.add(name, fmt.Sprintf("must be %d lower-case hexadecimal digits", idDigits))
	default:
		r.bad.add(name, fmt.Sprintf("must be %q and %d lower-case hexadecimal digits", prefix, idDigits))
	}
}

// limit reads maxResults.
func (r *request) limit() int { return r.limitTo(maxResults) }

// limitTo reads maxResults up to a bound, which is what it is where it is absent.
func (r *request) limitTo(most int) int {
	text, ok := r.param("maxResults")
	if !ok {
		return most
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most || text[0] == '+' {
		r.bad.add("maxResults", fmt.Sprintf("must be a whole number from 1 to %d", most))
	}
	return n
}

// position reads nextToken: the position that it holds, and "" for none. An empty
// token is none, for some clients send it.
func (r *request) position(t tokens, scope string) string {
	token, _ := r.param("nextToken")
	if token == "" {
		return ""
	}
	if len(token) > maxToken {
		r.bad.add("nextToken", fmt.Sprintf("must have at most %d characters", maxToken))
		return ""
	}
	position, err := t.open(scope, token)
	if fault, ok := errors.AsType[*farmtally.Error](err); ok {
		r.bad.add("nextToken", fault.Message)
	}
	return position
}

// param gives the first value of a query parameter.
func (r *request) param(name string) (string, bool) {
	values, ok := r.query[name]
	if !ok {
		return "", false
	}
	return values[0], true
}

// choice reads a query parameter that must be one of the values; "" is absent.
func (r *request) choice(name string, values ...string) string {
	text, ok := r.param(name)
	if !ok {
		return ""
	}
	for _, v := range values {
		if text == v {
			return text
		}
	}
	r.bad.add(name, "must be one of "+strings.Join(values, ", "))
	return ""
}

// cut shortens text of a request for an answer.
func cut(text string) string {
	if len(text) > maxEcho {
		return strings.ToValidUTF8(text[:maxEcho], "") + "…"
	}
	return text
}
