package paginate

import "context"

// Method makes a method of an AWS SDK client, such as client.ListQueues, into what
// [New] takes. The options go with every request.
func Method[In, Out, Options any](
	method func(context.Context, *In, ...func(*Options)) (*Out, error),
	options ...func(*Options),
) func(context.Context, *In) (*Out, error) {
	return func(ctx context.Context, in *In) (*Out, error) {
		return method(ctx, in, options...)
	}
}
