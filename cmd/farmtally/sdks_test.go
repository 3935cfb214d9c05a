package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// The folders of the clients that are no Python, from this package's.
const (
	goClient = "../../clients/go"
	jsClient = "../../clients/js"
)

// The versions of AWS's clients that the tests run.
const (
	goNewest = "v1.18.0"
	goOldest = "v1.0.0"
	jsSDK    = "3.1107.0"
)

// sdk is one of AWS's SDKs, behind a program that reads a task and prints an answer;
// clients/go/main.go describes both.
type sdk struct {
	name    string
	modes   []string // the retry modes that it knows
	command func(t *testing.T) *exec.Cmd
}

// sdks are all of them. The first is always there.
var sdks = []sdk{
	{"Go " + goNewest, []string{"standard", "adaptive"}, func(t *testing.T) *exec.Cmd { return buildGo(t, goNewest) }},
	{"Go " + goOldest, []string{"standard", "adaptive"}, func(t *testing.T) *exec.Cmd { return buildGo(t, goOldest, "-modfile", goClient+"/oldest.mod") }},
	{"boto3", []string{"legacy", "standard", "adaptive"}, func(t *testing.T) *exec.Cmd {
		needName(t)
		return exec.CommandContext(t.Context(), python(t), "testdata/client.py")
	}},
	{"JavaScript " + jsSDK, []string{"standard", "adaptive"}, func(t *testing.T) *exec.Cmd {
		return exec.CommandContext(t.Context(), node(t), jsClient+"/client.mjs")
	}},
}

// ask gives the client a task, with the environment beside its key, and reads its answer.
func (s sdk) ask(t *testing.T, key createdKey, task map[string]any, out any, env ...string) {
	t.Helper()
	given, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(t)
	cmd.Env, cmd.Stdin = append(clientEnv(t, key), env...), bytes.NewReader(given)
	decodeOutput(t, cmd, out)
}

// goClients are the programs that buildGo has built, by version, in a folder that
// TestMain removes.
var (
	goClients      = map[string]string{}
	goClientFolder string
)

// buildGo builds clients/go with the flags, once, and checks that it has the version
// of AWS's client.
func buildGo(t *testing.T, version string, flags ...string) *exec.Cmd {
	t.Helper()
	if goClients[version] == "" {
		download := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"mod", "download"}, flags, []string{awsGoClient})...)
		needClient(t, download.Run(), "the Go module "+awsGoClient+" "+version)
		goClients[version] = buildGoOnce(t, version, flags)
	}
	return exec.CommandContext(t.Context(), goClients[version])
}

func buildGoOnce(t *testing.T, version string, flags []string) (path string) {
	t.Helper()
	if goClientFolder == "" {
		folder, err := os.MkdirTemp("", "farmtally-clients-")
		if err != nil {
			t.Fatal(err)
		}
		goClientFolder = folder
	}
	path = filepath.Join(goClientFolder, version)
	build := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build", "-o", path}, flags, []string{goClient})...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build clients/go: %v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Path == awsGoClient && m.Version == version }) {
		t.Fatalf("clients/go is built of %v, want %s %s", info.Deps, awsGoClient, version)
	}
	return path
}

const awsGoClient = "github.com/aws/aws-sdk-go-v2/service/deadline"

// node gives a Node.js that is new enough, where clients/js has its packages.
func node(t *testing.T) string {
	t.Helper()
	path := pathOf("FARMTALLY_NODE", "node")
	out, err := exec.CommandContext(t.Context(), path, "--version").Output()
	needClient(t, err, "Node.js at "+path)
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < 20 {
		needClient(t, fmt.Errorf("it is %s", bytes.TrimSpace(out)), "Node.js 20 or later at "+path)
	}
	text, err := os.ReadFile(jsClient + "/node_modules/@aws-sdk/client-deadline/package.json")
	needClient(t, err, "AWS's client for JavaScript")
	var installed struct{ Version string }
	if err := json.Unmarshal(text, &installed); err != nil || installed.Version != jsSDK {
		needClient(t, errors.Join(err, fmt.Errorf("it is %s", installed.Version)), "AWS's client for JavaScript "+jsSDK)
	}
	return path
}

// alike makes what different SDKs print of one answer the same: member names begin in
// lower case, absent members are left out, unions are what they hold, instants are in
// UTC.
func alike(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return alikeObject(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = alike(v[i])
		}
		return list
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
	}
	return value
}

func alikeObject(members map[string]any) any {
	object := map[string]any{}
	for name, value := range members {
		first, rest := rune(name[0]), name[1:]
		switch name = string(unicode.ToLower(first)) + rest; {
		case value == nil, value == "": // the Go SDK's zero value of what is absent
		case name == "customerManaged", name == "value" && len(members) == 1:
			return alike(value)
		default:
			object[name] = alike(value)
		}
	}
	return object
}

// alikeRows is alike of a list of objects.
func alikeRows(rows []map[string]any) []any {
	list := make([]any, len(rows))
	for i := range rows {
		list[i] = alike(rows[i])
	}
	return list
}
