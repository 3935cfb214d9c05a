package paginate_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
)

// newFarm is an HTTP server that speaks as AWS Deadline Cloud does, and has one
// aggregation of so many rows.
func newFarm(rows int) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		from, _ := strconv.Atoi(query.Get("nextToken"))
		size, _ := strconv.Atoi(query.Get("maxResults"))
		if size == 0 {
			size = 1000
		}
		to := min(from+size, rows)
		var page bytes.Buffer
		page.WriteString(`{"status": "COMPLETED", "statistics": [`)
		for i := from; i < to; i++ {
			if i > from {
				page.WriteString(",")
			}
			fmt.Fprintf(&page, `{"userId":"user%d","count":%d,`, i, i+1)
			page.WriteString(`"costInUsd":{"sum":0.25,"min":0.25,"max":0.25,"avg":0.25},"runtimeInSeconds":{"sum":60,"min":60,"max":60,"avg":60}}`)
		}
		page.WriteString("]")
		if to < rows {
			fmt.Fprintf(&page, `,"nextToken":"%d"`, to)
		}
		page.WriteString("}")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(page.Bytes())
	}))
}

// clientOf is AWS's client of that server.
func clientOf(farm *httptest.Server) *deadline.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, farm.Listener.Addr().String())
	}
	return deadline.New(deadline.Options{
		Region:       "us-west-2",
		BaseEndpoint: aws.String("http://farm.test"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "example"}, nil
		}),
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}},
	})
}
