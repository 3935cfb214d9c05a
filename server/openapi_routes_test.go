package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestOpenAPIHasTheRoutes: the document has every operation of ours under its path,
// method and name, and none that is not served.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(openAPI, &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Fatalf("OpenAPI %q, %v", document.OpenAPI, err)
	}
	served := map[string]string{
		http.MethodGet + " " + sessionPath: "GetSession", http.MethodPost + " " + sessionPath: "SignIn", http.MethodDelete + " " + sessionPath: "SignOut",
	}
	for _, o := range operations {
		if strings.HasPrefix(o.path, "v1/") {
			served[o.method+" /"+o.path] = o.name
		}
	}
	for path, methods := range document.Paths {
		for method, o := range methods {
			route := strings.ToUpper(method) + " " + path
			if served[route] != o.OperationID {
				t.Errorf("%s is %q in the document, and %q is served", route, o.OperationID, served[route])
			}
			delete(served, route)
			for segment := range strings.SplitSeq(path, "/") {
				name, variable := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
				found := false
				for _, p := range o.Parameters {
					found = found || p.In == "path" && p.Name == name
				}
				if variable && !found {
					t.Errorf("%s: the parameter %s is not described", route, name)
				}
			}
		}
	}
	for route, name := range served {
		t.Errorf("%s %s is not in the document", name, route)
	}
}
