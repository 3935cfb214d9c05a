package paginate

import (
	"errors"
	"fmt"
)

// The mistakes in [Options]. They are wrapped: ask with errors.Is.
var (
	// ErrBadToken: the starting token is not one of this operation.
	ErrBadToken = errors.New("bad starting token")
	// ErrMaxItems: MaxItems is negative, or the operation has no result to count.
	ErrMaxItems = errors.New("bad MaxItems")
	// ErrPageSize: the page size is below 1, or the operation takes none.
	ErrPageSize = errors.New("bad PageSize")
)

// RepeatedTokenError says that the service gave a token which it had given before
// in the same pass, so that the pages would never end.
type RepeatedTokenError struct {
	Page  int    // the page that gave the token again, counted from 1
	Token string // the token, in the form of [Pages.NextToken]
}

func (e *RepeatedTokenError) Error() string {
	return fmt.Sprintf("page %d gave a next token that was given before: %s", e.Page, e.Token)
}
