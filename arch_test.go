package farmtally_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/farmtally/farmtally"

// anything allows a package to import every other one of the module, save those
// that are for tests alone.
const anything = "*"

var inBackquotes = regexp.MustCompile("`([^`]+)`")

// allowedImports is the table of docs/architecture.md: what each package may import of
// this module, in its product code.
func allowedImports(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(line, "| `") {
			continue
		}
		name := inBackquotes.FindStringSubmatch(cells[1])[1]
		allowed[name] = []string{}
		if strings.HasPrefix(cells[3], " all but") {
			allowed[name] = []string{anything}
			continue
		}
		for _, m := range inBackquotes.FindAllStringSubmatch(cells[3], -1) {
			allowed[name] = append(allowed[name], m[1])
		}
	}
	return allowed
}

// testsOnly are the packages that no product code may import.
var testsOnly = []string{"internal/backendtest", "clients/go"}

type listed struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

// A package that is not in the table fails the test: give it a line there.
func TestImportsPointDown(t *testing.T) {
	allowed := allowedImports(t)
	for _, p := range listPackages(t) {
		name := relative(p.ImportPath)
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the table of docs/architecture.md", name)
			continue
		}
		for _, path := range p.Imports {
			target, ours := within(path)
			if !ours {
				continue
			}
			if slices.Contains(testsOnly, target) {
				t.Errorf("package %s imports %s, which is for tests alone", name, target)
			}
			if !slices.Contains(may, target) && !slices.Contains(may, anything) {
				t.Errorf("package %s may not import %s; it may import %v", name, target, may)
			}
		}
	}
}

func TestProductHasNoCgo(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.CgoFiles) != 0 || slices.Contains(p.Imports, "C") {
			t.Errorf("package %s uses cgo", relative(p.ImportPath))
		}
	}
}

func TestDomainImportsTheStandardLibraryAlone(t *testing.T) {
	pure := []string{".", "kernel"}
	allowed := map[string]string{"golang.org/x/sys/cpu": "kernel"} // tells what the processor can do
	forbidden := []string{"os", "net", "net/http", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2"}
	for _, p := range listPackages(t) {
		name := relative(p.ImportPath)
		if !slices.Contains(pure, name) {
			continue
		}
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if _, ours := within(path); !ours && strings.Contains(first, ".") && allowed[path] != name {
				t.Errorf("package %s imports %s; it may use the standard library alone", name, path)
			}
			if slices.Contains(forbidden, path) {
				t.Errorf("package %s imports %s; it does no I/O", name, path)
			}
		}
	}
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,CgoFiles", "./...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("decode go list's output: %v", err)
		}
		packages = append(packages, p)
	}
}

// relative is a package's folder in the module, "." for the root.
func relative(path string) string {
	name, _ := within(path)
	return name
}

// within gives a package's folder in the module, and whether it is of the module.
func within(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}
