package deadline

import (
	"net/http"
	"strconv"
)

// ExceptionType is the name of an exception, as clients see it in the header
// x-amzn-ErrorType.
type ExceptionType int

// The exceptions of AWS's model for the operations served, and below them those
// that every AWS service sends for a signature that it does not accept, which no
// model lists.
const (
	AccessDenied ExceptionType = iota + 1
	InternalServerError
	ResourceNotFound
	Throttling
	Validation

	MissingAuthenticationToken // no signature at all
	IncompleteSignature        // a signature that can't be read
	InvalidSignature           // one that is wrong, or of another time
	UnrecognizedClient         // a key that is unknown or revoked
)

// catalogue has each exception's name and HTTP status.
var catalogue = [...]struct {
	name   string
	status int
}{
	AccessDenied:               {"AccessDeniedException", http.StatusForbidden},
	InternalServerError:        {"InternalServerErrorException", http.StatusInternalServerError},
	ResourceNotFound:           {"ResourceNotFoundException", http.StatusNotFound},
	Throttling:                 {"ThrottlingException", http.StatusTooManyRequests},
	Validation:                 {"ValidationException", http.StatusBadRequest},
	MissingAuthenticationToken: {"MissingAuthenticationTokenException", http.StatusForbidden},
	IncompleteSignature:        {"IncompleteSignatureException", http.StatusForbidden},
	InvalidSignature:           {"InvalidSignatureException", http.StatusForbidden},
	UnrecognizedClient:         {"UnrecognizedClientException", http.StatusForbidden},
}

// entry is the type's line of the catalogue; what is no type is a fault of ours.
func (t ExceptionType) entry() (name string, status int) {
	if t < 1 || int(t) >= len(catalogue) {
		t = InternalServerError
	}
	return catalogue[t].name, catalogue[t].status
}

// String is the exception's name in AWS's model.
func (t ExceptionType) String() string { name, _ := t.entry(); return name }

// Status is the HTTP status that the exception is sent with.
func (t ExceptionType) Status() int { _, status := t.entry(); return status }

// Reason is a ValidationExceptionReason.
type Reason string

// The reasons of AWS's model.
const (
	UnknownOperation      Reason = "UNKNOWN_OPERATION"
	CannotParse           Reason = "CANNOT_PARSE"
	FieldValidationFailed Reason = "FIELD_VALIDATION_FAILED"
	Other                 Reason = "OTHER"
)

// Field is a ValidationExceptionField: a member at fault and what is allowed.
type Field struct {
	Name    string // the member's path, such as "resourceIds.queueIds[2]"
	Message string
}

// Exception is an error answer. The members that its type does not have in AWS's
// model are not sent.
type Exception struct { //nolint:errname // AWS calls its errors exceptions
	Type    ExceptionType
	Message string

	Reason    Reason  // of Validation, required
	FieldList []Field // of Validation

	ResourceID   string // of ResourceNotFound, required
	ResourceType string // of ResourceNotFound, required

	ServiceCode string // of Throttling
	QuotaCode   string // of Throttling

	RetryAfterSeconds int // of Throttling and InternalServerError; 0 is absent
}

func (e *Exception) Error() string { return e.Type.String() + ": " + e.Message }

// Append appends the exception's JSON body. It also names the exception, in
// __type, for clients behind a proxy that drops the header.
func (e *Exception) Append(b []byte) []byte {
	b = append(b, `{"__type":`...)
	b = AppendString(b, e.Type.String())
	b = append(b, `,"message":`...)
	b = AppendString(b, e.Message)
	switch e.Type {
	case Validation:
		b = e.appendValidation(b)
	case ResourceNotFound:
		b = append(b, `,"resourceId":`...)
		b = AppendString(b, e.ResourceID)
		b = append(b, `,"resourceType":`...)
		b = AppendString(b, e.ResourceType)
	case Throttling:
		b = appendMember(b, "serviceCode", e.ServiceCode)
		b = appendMember(b, "quotaCode", e.QuotaCode)
	}
	return append(b, '}')
}

func (e *Exception) appendValidation(b []byte) []byte {
	b = append(b, `,"reason":`...)
	b = AppendString(b, string(e.Reason))
	if len(e.FieldList) == 0 {
		return b
	}
	b = append(b, `,"fieldList":[`...)
	for i, f := range e.FieldList {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = AppendString(b, f.Name)
		b = append(b, `,"message":`...)
		b = AppendString(b, f.Message)
		b = append(b, '}')
	}
	return append(b, ']')
}

// WriteTo answers a request with the exception. Nothing else may have been written
// to w. Retry-After is whole seconds, as the model says: botocore fails on a date.
func (e *Exception) WriteTo(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("x-amzn-ErrorType", e.Type.String())
	if e.RetryAfterSeconds > 0 && (e.Type == Throttling || e.Type == InternalServerError) {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfterSeconds))
	}
	return WriteJSON(w, e.Type.Status(), e.Append(nil))
}

// WriteJSON answers a request with a JSON document.
func WriteJSON(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
