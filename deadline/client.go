package deadline

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// disableHostPrefix is the variable by which boto3 and the AWS CLI leave the host
// prefix out; AWS's client for Go does not know it.
const disableHostPrefix = "AWS_DISABLE_HOST_PREFIX_INJECTION"

// ClientConfig says how to make AWS's client. Its zero value is AWS's standard
// configuration: environment, profiles, AWS_ENDPOINT_URL_DEADLINE.
type ClientConfig struct {
	// Endpoint is the URL of a server; "" leaves it to AWS's configuration, where none
	// means AWS itself.
	Endpoint string
	// Region is what requests are signed for; "" leaves it to AWS's configuration.
	Region string
	// DefaultRegion counts where neither Region nor AWS's configuration has one.
	DefaultRegion string
	// Profile is one of AWS's shared configuration; "" leaves it to AWS_PROFILE.
	Profile string
	// WithoutHostPrefix keeps the client from putting "management." before the
	// endpoint's host. It is left out without being asked for where the endpoint is a
	// loopback address or a name under localhost, and where
	// AWS_DISABLE_HOST_PREFIX_INJECTION is true, as boto3 and the AWS CLI have it.
	WithoutHostPrefix bool
	// AnonymousWithout makes requests unsigned, rather than fail, where no credentials
	// are configured. EC2's metadata service is not asked then.
	AnonymousWithout bool
	// Options are applied last.
	Options []func(*service.Options)
}

// NewClient makes AWS's own Go client. It works with AWS as with farmtally.
func NewClient(ctx context.Context, c ClientConfig) (*service.Client, error) {
	load := []func(*config.LoadOptions) error{config.WithDefaultRegion(c.DefaultRegion)}
	if c.Region != "" {
		load = append(load, config.WithRegion(c.Region))
	}
	if c.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(c.Profile))
	}
	if c.AnonymousWithout {
		load = append(load, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("read AWS configuration: %w", err)
	}
	// What is left when nothing is configured is the metadata service of EC2.
	if c.AnonymousWithout && aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		cfg.Credentials = aws.AnonymousCredentials{}
	}
	options := []func(*service.Options){func(o *service.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
		if c.WithoutHostPrefix {
			WithoutHostPrefix(o)
		}
	}, AutoHostPrefix}
	return service.NewFromConfig(cfg, append(options, c.Options...)...), nil
}

// AutoHostPrefix is an option of AWS's client, for programs that make it themselves:
// it leaves the host prefix out where the endpoint is a loopback address or a name
// under localhost, and where AWS_DISABLE_HOST_PREFIX_INJECTION is true.
func AutoHostPrefix(o *service.Options) {
	disabled, _ := strconv.ParseBool(os.Getenv(disableHostPrefix)) // anything else is false
	if disabled || (o.BaseEndpoint != nil && isLoopback(*o.BaseEndpoint)) {
		WithoutHostPrefix(o)
	}
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// WithoutHostPrefix is an option of AWS's client: it keeps the client from putting
// "management." before the endpoint's host.
func WithoutHostPrefix(o *service.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		const id = "farmtally:WithoutHostPrefix"
		if _, there := stack.Initialize.Get(id); there {
			return nil
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc(id,
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
			}), middleware.Before)
	})
}
