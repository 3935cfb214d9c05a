package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/farmtally/farmtally"
)

// signer signs the requests that AWS's client does not know. It is safe for concurrent use.
type signer struct {
	credentials aws.CredentialsProvider // nil signs nothing
	region      string
	v4          *v4.Signer
}

// signer signs as the client does.
func (c *client) signer() signer {
	o := c.api.Options()
	s := signer{o.Credentials, o.Region, v4.NewSigner()}
	if aws.IsCredentialsProvider(o.Credentials, aws.AnonymousCredentials{}) {
		s.credentials = nil
	}
	return s
}

// sign signs a request by AWS Signature Version 4, if there is a key.
func (s *signer) sign(ctx context.Context, r *http.Request, body []byte) error {
	if s.credentials == nil {
		return nil
	}
	key, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return &farmtally.Error{
			Kind: farmtally.Denied, Message: "there is no access key to sign with", Err: err,
			Hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that 'farmtally keys create' made",
		}
	}
	sum := sha256.Sum256(body)
	if err := s.v4.SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), "deadline", s.region, time.Now()); err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	return nil
}
