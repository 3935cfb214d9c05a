package server

import (
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// retryAfterSeconds is what a client is asked to wait before it tries again.
const retryAfterSeconds = 1

// exceptionTypes has AWS's exception for each kind of error.
var exceptionTypes = map[farmtally.Kind]deadline.ExceptionType{
	farmtally.Invalid:     deadline.Validation,
	farmtally.NotFound:    deadline.ResourceNotFound,
	farmtally.Denied:      deadline.AccessDenied,
	farmtally.Throttled:   deadline.Throttling,
	farmtally.Unavailable: deadline.InternalServerError,
	farmtally.Corrupt:     deadline.InternalServerError,
	farmtally.TooLarge:    deadline.Validation,
	farmtally.Internal:    deadline.InternalServerError,
}

// exceptionOf gives the exception that answers a request which err ended. What an
// InternalServerError says is fixed: its cause is for the log.
func exceptionOf(err error, requestID string) *deadline.Exception {
	if e, ok := errors.AsType[*deadline.Exception](err); ok {
		return e
	}
	fault, ok := errors.AsType[*farmtally.Error](err)
	if !ok {
		return internalError(requestID)
	}
	e := &deadline.Exception{Type: exceptionTypes[fault.Kind], Message: sentence(fault)}
	switch e.Type {
	case deadline.Validation:
		return validationOf(fault, e)
	case deadline.ResourceNotFound:
		e.ResourceID, e.ResourceType = fault.Resource.ID, fault.Resource.Type
	case deadline.Throttling:
		return throttled(quotaAggregations, retryAfterSeconds, "%s", e.Message)
	case deadline.AccessDenied:
	default:
		return internalError(requestID)
	}
	return e
}

// The quotas that a ThrottlingException names: what there can be too much of.
const (
	quotaAggregations = "concurrent-sessions-statistics-aggregations-per-farm"
	quotaExports      = "concurrent-exports"
	quotaSignIns      = "sign-ins"
)

// throttled makes the exception for a quota that is used up.
func throttled(quota string, retryAfter int, format string, args ...any) *deadline.Exception {
	return &deadline.Exception{
		Type: deadline.Throttling, ServiceCode: signingName, QuotaCode: quota,
		RetryAfterSeconds: retryAfter, Message: fmt.Sprintf(format, args...),
	}
}

func internalError(requestID string) *deadline.Exception {
	return &deadline.Exception{
		Type:              deadline.InternalServerError,
		Message:           "The server could not answer. Its log says why under request id " + requestID + ".",
		RetryAfterSeconds: retryAfterSeconds,
	}
}

func validationOf(fault *farmtally.Error, e *deadline.Exception) *deadline.Exception {
	if len(fault.Fields) == 0 {
		e.Reason = deadline.Other
		return e
	}
	var f faults
	for _, field := range fault.Fields {
		f.add(field.Name, field.Message)
	}
	return validation(deadline.FieldValidationFailed, f.fields)
}

// sentence is what an error says to the user.
func sentence(fault *farmtally.Error) string {
	if fault.Hint == "" {
		return fault.Message
	}
	return fault.Message + " " + fault.Hint
}

// notFound makes the error for a thing that does not exist.
func notFound(resourceType, id string) *farmtally.Error {
	e := farmtally.Errorf(farmtally.NotFound, "There is no %s %s.", resourceType, id)
	e.Resource = farmtally.Resource{Type: resourceType, ID: id}
	return e
}
