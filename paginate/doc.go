// Package paginate gives a Go program the paginator of botocore, the library under
// boto3 and the AWS CLI, for any operation: of an AWS SDK client, of another
// service, or of its own.
//
// The pagers of AWS's SDK for Go give pages and nothing else. A [Paginator] limits
// the number of items, goes on where another run stopped, searches, and puts pages
// together:
//
//	p, err := paginate.New(rule, paginate.Method(client.ListQueues))
//	pages := p.Paginate(&deadline.ListQueuesInput{FarmId: &farm}, paginate.Options{MaxItems: new(1000)})
//	for queue, err := range paginate.Items[types.QueueSummary](ctx, pages) { … }
//	next := pages.NextToken()
//
// A [Rule] says how the operation is paginated. [ReadModel] reads AWS's own rules,
// the paginators-1.json of each service. Requests and pages are Go structs, such as
// an SDK's, or JSON documents, map[string]any. One page is held at a time, so that
// memory does not grow with the results, unless [Pages.BuildFullResult] is to put
// them together.
//
// # Tokens
//
// [Pages.NextToken] and [Options.StartingToken] are botocore's, byte for byte: a
// token that boto3 or the AWS CLI gave works here, and one of these works there.
// Such a token is base64 of a JSON object as Python writes it, {"nextToken": "abc",
// "boto_truncate_amount": 7}: the service's tokens by the request's members that
// take them; the number of items to skip on the page that they lead to, if the
// pass ended within it; and in boto_encoded_keys the paths of the values that were
// bytes. The form of older versions, abc___7, is read too, and so is a token of the
// service itself.
//
// A pass that begins within a page gives what is left of its primary result, empty
// lists and texts of the secondary ones, for they came whole with the first part, and
// its numbers, which speak of the whole page, again: as botocore does since 2025.
//
// In a token that is an object of its own, such as DynamoDB's, botocore keeps the
// order in which the service sent the members. A Go map has no order; they are
// written in the order of their names. Either side reads either. To go on from one in
// the SDK's own structs, name the structs of its values in [Rule].Unions.
//
// # Differences from botocore
//
// Where botocore has a trap, this package has none. Everything else is the same,
// and tests compare the two. The differences, each with the test of its name:
//
//   - Passes are independent: botocore writes tokens into its one request, so that
//     a second loop over the same pages begins with the last page. Here each loop
//     begins at the beginning, and neither the request nor the service's pages are
//     changed.
//   - Tokens of the service are not misread: botocore takes every starting token
//     that is base64 of JSON for its own, and sends its members as parameters, or
//     fails on a number. Here it is botocore's only if its members are those of a
//     resume token; any other goes to the service as it is. One that even so looks
//     like a resume token, or holds ___, can be given in the request itself.
//   - Changes are visible: botocore's full result has the first page's status, and
//     does not say that a later page had FAILED. Here [Full].Changes says so.
//   - Repeated tokens always end: botocore finds a token that is the same as the
//     one before it, and goes round for ever if two alternate. Here any token that
//     comes again is an error. Of cycles longer than 4,096 pages some pages are
//     given again before it.
//   - The starting token counts as given: botocore asks once more if the service
//     answers with the very token that the pass began with, and gives the page
//     twice.
//   - MaxItems zero asks for nothing: botocore requests a page and throws it away.
//     Here nothing is requested, and the next token is the one that botocore gives.
//   - MaxItems negative is an error: botocore cuts items off the end, and gives a
//     token that skips backwards.
//   - PageSize below one is an error: botocore sends it.
//   - An empty StartingToken is none: botocore sends an empty token.
//   - The request's own token is remembered: if the request itself has a token and
//     the first page is cut, botocore's resume token leads to the beginning of
//     everything.
//   - A token of a page's beginning leaves the page whole: botocore empties the
//     secondary results of the first page after any starting token, even if nobody
//     was given them, and so loses them.
//   - A skip may go beyond the page: with a smaller PageSize than that of the run
//     that stopped, botocore skips the first page only, and gives the items after it
//     again.
//   - The next token is sought in the whole page: botocore seeks one such as
//     Contents[-1].Key in what is left of a page after the skip, and ends if nothing
//     is left.
//   - A token None is a token: botocore takes a service's token of this name for
//     none, and begins again. In the form of older versions it does mean none.
//   - A resume token may lack members: botocore takes those for none too, but fails
//     when it cuts a page.
//   - A bad skip is an error: botocore takes a negative boto_truncate_amount for a
//     position from the end, and fails on text with Python's own error.
//   - Maps are results, too: botocore cannot cut a map, such as API Gateway's
//     usage, and its full result has the first page's only. Here entries are counted
//     and cut in the order of their keys, and merged.
//   - A single value counts as one item: botocore fails if the primary result is a
//     number.
//   - Single values are items: where botocore's iterator of a result key gives a
//     string character by character, [Items] gives it whole.
//   - A loop that is left early can be taken up: botocore has a resume token only
//     where MaxItems ended the pages. Here also where the loop was left, and where
//     the service failed.
//   - Mistakes in a rule are found at once: botocore finds them, if it does, when it
//     first cuts a page. Result keys and non-aggregate keys are dotted names, and
//     there are as many output tokens as input tokens.
//   - MaxItems without a result is an error: botocore fails on any operation without
//     a result key.
package paginate
