package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// awsModule ships the model of the API that old clients lack.
const awsModule = "github.com/aws/aws-sdk-go@v1.55.8"

// paginatorExtras is what botocore adds to the model's paginators, for old versions
// that don't bring it.
const paginatorExtras = `{"version": 1.0, "merge": {"pagination": {"GetSessionsStatisticsAggregation":
	{"non_aggregate_keys": ["status", "statusMessage"]}}}}`

// modelRoot is the folder that modelFolder has made.
var modelRoot string

// modelFolder is a folder for AWS_DATA_PATH with AWS's model of the API, made once.
var modelFolder = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", awsModule).Output()
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	root, err := os.MkdirTemp("", "farmtally-model-")
	if err != nil {
		return "", err
	}
	modelRoot = root
	from := filepath.Join(module.Dir, "models", "apis", "deadline", "2023-10-12")
	to := filepath.Join(root, "deadline", "2023-10-12")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", err
	}
	for name, as := range map[string]string{
		"api-2.json": "service-2.json", "paginators-1.json": "paginators-1.json",
		"endpoint-rule-set-1.json": "endpoint-rule-set-1.json", "waiters-2.json": "waiters-2.json",
	} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(to, as), text, 0o600); err != nil {
			return "", err
		}
	}
	return root, os.WriteFile(filepath.Join(to, "paginators-1.sdk-extras.json"), []byte(paginatorExtras), 0o600)
})

// needClient skips the test where a real client is missing, and fails it where
// FARMTALLY_REQUIRE_CLIENTS says that none may be.
func needClient(t *testing.T, err error, what string) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("FARMTALLY_REQUIRE_CLIENTS") == "1":
		t.Fatalf("%s is missing (%v); 'make setup' installs it", what, err)
	default:
		t.Skipf("%s is missing (%v); 'make setup' installs it", what, err)
	}
}

func pathOf(variable, fallback string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	return fallback
}

// pythonPath is the Python that runs boto3.
var pythonPath = pathOf("FARMTALLY_PYTHON", "/usr/bin/python3")

// What Python says of what the clients need, asked once.
var (
	noBoto3 = sync.OnceValue(func() error { return exec.Command(pythonPath, "-c", "import boto3").Run() })
	noName  = sync.OnceValue(func() error {
		return exec.Command(pythonPath, "-c", "import socket; socket.getaddrinfo('management.localhost', 80)").Run()
	})
)

// python gives a Python that has boto3.
func python(t *testing.T) string {
	t.Helper()
	needClient(t, noBoto3(), "a Python with boto3 at "+pythonPath)
	return pythonPath
}

// awsCLI gives the AWS CLI, on a machine that resolves the names that it asks for.
func awsCLI(t *testing.T) string {
	t.Helper()
	path := pathOf("FARMTALLY_AWS", "/usr/bin/aws")
	needClient(t, exec.CommandContext(t.Context(), path, "--version").Run(), "the AWS CLI at "+path)
	needName(t)
	return path
}

// needName needs the name that old clients make of the server's.
func needName(t *testing.T) {
	t.Helper()
	python(t)
	needClient(t, noName(), "a resolver that knows management.localhost")
}

// clientEnv is the environment of a real client: a key, the model, and nothing of
// the user's own.
func clientEnv(t *testing.T, key createdKey) []string {
	t.Helper()
	model, err := modelFolder()
	needClient(t, err, "the Go module "+awsModule+" with AWS's model")
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8",
		"AWS_DATA_PATH=" + model, "AWS_DEFAULT_REGION=us-west-2", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		"AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
	}
}

// runPython runs a script of testdata with JSON in and out.
func runPython(t *testing.T, key createdKey, script string, in, out any) {
	t.Helper()
	given, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	needName(t)
	cmd := exec.CommandContext(t.Context(), python(t), filepath.Join("testdata", script))
	cmd.Env, cmd.Stdin = clientEnv(t, key), bytes.NewReader(given)
	decodeOutput(t, cmd, out)
}

// decodeOutput runs the command and reads its output as one JSON document.
func decodeOutput(t *testing.T, cmd *exec.Cmd, out any) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%v printed no JSON: %v\n%s", cmd.Args, err, text)
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
