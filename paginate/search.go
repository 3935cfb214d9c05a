package paginate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"

	"github.com/jmespath/go-jmespath"
)

// Search gives what a JMESPath expression finds in each page: the elements of a
// list one by one, anything else as it is, null (nil) too. A loop that is left early
// can be taken up at the page after.
//
// Values are those of encoding/json: nil, bool, float64, string, []any and
// map[string]any. In pages that are structs, members have the service's names: of
// a service whose tokens are spelled "nextToken" the first letter is in lower
// case. The language is the one of botocore and of the AWS CLI's --query.
func (p *Pages[In, Out]) Search(ctx context.Context, query string) iter.Seq2[any, error] {
	compiled, err := compileJMESPath(query)
	if err != nil {
		return failing[any](fmt.Errorf("read JMESPath expression: %w", err))
	}
	return func(yield func(any, error) bool) {
		err := p.each(ctx, func(page reflect.Value) (int, bool, error) {
			found, err := searchSafely(compiled, p.rules.naming.document(page))
			if err != nil {
				return 0, false, err
			}
			return wholePage, giveFound(found, yield), nil
		})
		giveError(err, yield)
	}
}

func giveFound(found any, yield func(any, error) bool) bool {
	list, ok := found.([]any)
	if !ok {
		return yield(found, nil)
	}
	for _, v := range list {
		if !yield(v, nil) {
			return false
		}
	}
	return true
}

func compileJMESPath(query string) (*jmespath.JMESPath, error) {
	return jmespath.Compile(quoteLiterals(query))
}

// searchSafely turns a panic of the JMESPath library, which some ill-typed
// expressions cause, into an error.
func searchSafely(compiled *jmespath.JMESPath, document any) (found any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("evaluate JMESPath expression: %v", r)
		}
	}()
	found, err = compiled.Search(document)
	if err != nil {
		return nil, fmt.Errorf("evaluate JMESPath expression: %w", err)
	}
	return found, nil
}

// quoteLiterals writes literals that are not JSON, such as `running`, as strings:
// botocore's JMESPath still takes them so, and AWS's documentation is full of them.
func quoteLiterals(query string) string {
	var out strings.Builder
	for query != "" {
		open := strings.IndexAny(query, "`'\"")
		if open < 0 {
			break
		}
		length, err := quotedLength(query[open:])
		if err != nil {
			break
		}
		quoted := query[open : open+length]
		out.WriteString(query[:open])
		out.WriteString(asLiteral(quoted))
		query = query[open+length:]
	}
	return out.String() + query
}

func asLiteral(quoted string) string {
	inner := strings.TrimSpace(quoted[1 : len(quoted)-1])
	if quoted[0] != '`' || json.Valid([]byte(strings.ReplaceAll(inner, "\\`", "`"))) {
		return quoted
	}
	text := `"` + inner + `"`
	if !json.Valid([]byte(strings.ReplaceAll(text, "\\`", "`"))) {
		return quoted
	}
	return "`" + text + "`"
}

// quotedLength is how many bytes a quoted part has, with its quotes.
func quotedLength(text string) (int, error) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1, nil
		}
	}
	return 0, errors.New("not closed")
}
