package paginate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// Rule says how one operation is paginated: an entry of the paginators-1.json
// that botocore and the AWS models carry, under Go names.
//
// A member is named as the service's model names it ("nextToken", "Contents"). In
// a Go struct the field of that name is meant, its first letter in upper case.
type Rule struct {
	// InputTokens are the request's members that take the tokens of the next page.
	InputTokens []string
	// OutputTokens are JMESPath expressions, one for each of InputTokens, that find
	// in a page the token of the next one, such as "NextMarker || Contents[-1].Key".
	OutputTokens []string
	// ResultKeys are dotted paths to what pages add up to. MaxItems counts the first
	// one's items, the primary result; the others are secondary.
	ResultKeys []string
	// MoreResults is a JMESPath expression whose false value ends the pages though
	// there be a token, or "".
	MoreResults string
	// LimitKey is the request's member that takes the size of a page, or "".
	LimitKey string
	// LimitIsString says that LimitKey takes a string. Only a request that is a map
	// needs it; a struct's field says so itself.
	LimitIsString bool
	// NonAggregateKeys are dotted paths to what the full result has of the first
	// page, such as "status".
	NonAggregateKeys []string
	// Unions are pointers to the structs that a union among the tokens can hold, such
	// as &types.AttributeValueMemberS{} in DynamoDB's. Only a starting token that has
	// such a value needs them.
	Unions []any
}

// UnmarshalJSON reads botocore's form of a rule: input_token, output_token,
// result_key, non_aggregate_keys (each a string or a list), more_results and
// limit_key. Other members are let be.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var entry struct {
		InputToken       stringList `json:"input_token"`
		OutputToken      stringList `json:"output_token"`
		ResultKey        stringList `json:"result_key"`
		MoreResults      string     `json:"more_results"`
		LimitKey         string     `json:"limit_key"`
		NonAggregateKeys stringList `json:"non_aggregate_keys"`
	}
	if err := json.Unmarshal(data, &entry); err != nil {
		return fmt.Errorf("read pagination rule: %w", err)
	}
	*r = Rule{
		InputTokens:      entry.InputToken,
		OutputTokens:     entry.OutputToken,
		ResultKeys:       entry.ResultKey,
		MoreResults:      entry.MoreResults,
		LimitKey:         entry.LimitKey,
		NonAggregateKeys: entry.NonAggregateKeys,
	}
	return nil
}

// stringList is a list of strings, of which a single one may stand without brackets.
type stringList []string

func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = stringList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return errors.New("want a string or a list of strings")
	}
	*l = many
	return nil
}

// ReadModel reads the rules of a service's operations, by operation, from its
// paginators-1.json and, if given, the paginators-1.sdk-extras.json that adds to
// them.
func ReadModel(model []byte, extras ...[]byte) (map[string]Rule, error) {
	entries, err := readEntries(model)
	if err != nil {
		return nil, err
	}
	for _, extra := range extras {
		more, err := readEntries(extra)
		if err != nil {
			return nil, err
		}
		for name, members := range more {
			if entries[name] == nil {
				entries[name] = map[string]json.RawMessage{}
			}
			maps.Copy(entries[name], members)
		}
	}
	return rulesOf(entries)
}

// readEntries gives a model file's entries, member by member, whether it is a
// model or one that is merged into it.
func readEntries(data []byte) (map[string]map[string]json.RawMessage, error) {
	type pagination = map[string]map[string]json.RawMessage
	var file struct {
		Pagination pagination `json:"pagination"`
		Merge      struct {
			Pagination pagination `json:"pagination"`
		} `json:"merge"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read paginators model: %w", err)
	}
	entries := file.Pagination
	if entries == nil {
		entries = file.Merge.Pagination
	}
	if entries == nil {
		return nil, errors.New("read paginators model: it has no pagination member")
	}
	return entries, nil
}

func rulesOf(entries map[string]map[string]json.RawMessage) (map[string]Rule, error) {
	rules := make(map[string]Rule, len(entries))
	for name, members := range entries {
		data, err := json.Marshal(members)
		if err != nil {
			return nil, fmt.Errorf("write members of %s: %w", name, err)
		}
		var rule Rule
		if err := json.Unmarshal(data, &rule); err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
		rules[name] = rule
	}
	return rules, nil
}
