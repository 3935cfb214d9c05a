package deadline

import (
	"net/http/httptest"
	"testing"
)

// TestCatalogue walks the exceptions: names are unique and statuses are AWS's.
func TestCatalogue(t *testing.T) {
	want := map[ExceptionType]struct {
		name   string
		status int
	}{
		AccessDenied: {"AccessDeniedException", 403}, InternalServerError: {"InternalServerErrorException", 500},
		ResourceNotFound: {"ResourceNotFoundException", 404}, Throttling: {"ThrottlingException", 429}, Validation: {"ValidationException", 400},
		MissingAuthenticationToken: {"MissingAuthenticationTokenException", 403}, IncompleteSignature: {"IncompleteSignatureException", 403},
		InvalidSignature: {"InvalidSignatureException", 403}, UnrecognizedClient: {"UnrecognizedClientException", 403},
	}
	if len(want) != len(catalogue)-1 {
		t.Errorf("the catalogue has %d exceptions, and %d are tested", len(catalogue)-1, len(want))
	}
	for e, w := range want {
		if e.String() != w.name || e.Status() != w.status {
			t.Errorf("got %s %d, want %s %d", e, e.Status(), w.name, w.status)
		}
	}
	if none := ExceptionType(0); none.Status() != 500 || ExceptionType(99).String() != "InternalServerErrorException" {
		t.Error("what is no exception is not a fault of ours")
	}
}

// TestExceptionMembers: an exception has the members of its type alone, even if
// others are filled in.
func TestExceptionMembers(t *testing.T) {
	const message = `"message":"m \"1\""`
	for e, want := range map[ExceptionType]string{
		AccessDenied:        `{"__type":"AccessDeniedException",` + message + `}`,
		InternalServerError: `{"__type":"InternalServerErrorException",` + message + `}`,
		ResourceNotFound:    `{"__type":"ResourceNotFoundException",` + message + `,"resourceId":"i","resourceType":"t"}`,
		Throttling:          `{"__type":"ThrottlingException",` + message + `,"serviceCode":"s","quotaCode":"q"}`,
		Validation:          `{"__type":"ValidationException",` + message + `,"reason":"OTHER","fieldList":[{"name":"a","message":"b"},{"name":"c","message":"d"}]}`,
		InvalidSignature:    `{"__type":"InvalidSignatureException",` + message + `}`,
	} {
		w := httptest.NewRecorder()
		x := Exception{
			Type: e, Message: `m "1"`, Reason: Other, FieldList: []Field{{"a", "b"}, {"c", "d"}}, ResourceID: "i", ResourceType: "t",
			ServiceCode: "s", QuotaCode: "q", RetryAfterSeconds: 9,
		}
		if err := x.WriteTo(w); err != nil {
			t.Error(err)
		}
		retry := map[ExceptionType]string{InternalServerError: "9", Throttling: "9"}[e]
		if w.Body.String() != want || w.Code != e.Status() || w.Header().Get("x-amzn-ErrorType") != e.String() || w.Header().Get("Retry-After") != retry {
			t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	least := Exception{Type: Validation, Reason: CannotParse}
	if have := string(least.Append(nil)); have != `{"__type":"ValidationException","message":"","reason":"CANNOT_PARSE"}` {
		t.Error(have)
	}
	if least.Message = "m"; least.Error() != "ValidationException: m" {
		t.Error(least.Error())
	}
}
