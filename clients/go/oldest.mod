// With this in place of go.mod (-modfile), clients/go is built with AWS's oldest client.
module github.com/farmtally/farmtally

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.26.1
	github.com/aws/aws-sdk-go-v2/service/deadline v1.0.0
	github.com/aws/smithy-go v1.20.2
)

require (
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.3.5 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.6.5 // indirect
	github.com/jmespath/go-jmespath v0.4.0 // indirect
)
