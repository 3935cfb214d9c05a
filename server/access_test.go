package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// keyWith puts a key with the grants into the memory.
func (f *fixture) keyWith(grants ...farmtally.Grant) farmtally.AccessKey {
	k := farmtally.AccessKey{ID: "FTCCCCCCCCCCCCCCCCCC", Secret: "a third secret", Grants: grants}
	f.memory.keys[k.ID] = k
	return k
}

// reads are the requests that read a farm, without any that name an aggregation or a
// queue of it.
func reads(farm farmtally.FarmID) map[string]handSigned {
	path := "/2023-10-12/farms/" + string(farm)
	return map[string]handSigned{
		"GetFarm":    {method: http.MethodGet, path: path},
		"ListQueues": {method: http.MethodGet, path: path + "/queues"},
		"ListFleets": {method: http.MethodGet, path: path + "/fleets"},
		"GetQueue":   {method: http.MethodGet, path: path + "/queues/" + string(queueA)},
		"GetFleet":   {method: http.MethodGet, path: path + "/fleets/" + string(fleetA)},
		"Start":      {method: http.MethodPost, path: statisticsPath(farm), body: startBody(nil)},
		"Get":        {method: http.MethodGet, path: statisticsPath(farm), query: "aggregationId=" + strings.Repeat("0", 32)},
	}
}

// TestRoles: what each role may read, and that of a farm on which a key has no role
// it learns nothing, not even whether it exists.
func TestRoles(t *testing.T) {
	type grants = []farmtally.Grant
	for name, c := range map[string]struct {
		grants       grants
		readA, readB bool
	}{
		"no role":                   {},
		"owner of every farm":       {grants{{FarmID: farmtally.EveryFarm, Role: farmtally.Owner}}, true, true},
		"manager of every farm":     {grants{{FarmID: farmtally.EveryFarm, Role: farmtally.Manager}}, true, true},
		"writer of every farm":      {grants{{FarmID: farmtally.EveryFarm, Role: farmtally.Writer}}, false, false},
		"owner of A":                {grants{{FarmID: farmA, Role: farmtally.Owner}}, true, false},
		"manager of A":              {grants{{FarmID: farmA, Role: farmtally.Manager}}, true, false},
		"writer of A":               {grants{{FarmID: farmA, Role: farmtally.Writer}}, false, false},
		"writer of A, manager of B": {grants{{FarmID: farmA, Role: farmtally.Writer}, {FarmID: farmB, Role: farmtally.Manager}}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := signedFixture(t)
			key := f.keyWith(c.grants...)
			ask := func(h handSigned) answer {
				h.key, h.at = key, f.clock()
				return f.send(h.request())
			}
			for farm, may := range map[farmtally.FarmID]bool{farmA: c.readA, farmB: c.readB} {
				unknown := reads(noFarm)
				for operation, h := range reads(farm) {
					a := ask(h)
					if denied := a.header.Get("x-amzn-ErrorType") == "AccessDeniedException"; denied == may || denied != (a.status == http.StatusForbidden) {
						t.Errorf("%s of %s: %d %s", operation, farm, a.status, a.body)
					}
					if may {
						continue
					}
					if b := ask(unknown[operation]); len(c.grants) == 0 && strings.ReplaceAll(a.body, string(farm), string(noFarm)) != b.body {
						t.Errorf("%s tells farms that exist, %s, from others, %s", operation, a.body, b.body)
					}
				}
			}
			list := ask(handSigned{method: http.MethodGet, path: "/2023-10-12/farms"})
			if strings.Contains(list.body, string(farmA)) != c.readA || strings.Contains(list.body, string(farmB)) != c.readB || list.status != http.StatusOK {
				t.Errorf("ListFarms: %d %s", list.status, list.body)
			}
			if a := ask(handSigned{method: http.MethodGet, path: "/2023-10-12/metered-products"}); a.status != http.StatusOK {
				t.Errorf("ListAvailableMeteredProducts: %d %s", a.status, a.body)
			}
		})
	}
}

// TestDeniedWithoutLooking: a key without a role is denied before the catalog is asked
// about the farm, so that neither the answer nor its time depends on what is there.
func TestDeniedWithoutLooking(t *testing.T) {
	f := signedFixture(t)
	key := f.keyWith(farmtally.Grant{FarmID: farmB, Role: farmtally.Owner})
	for _, method := range []string{"Farm", "Queues", "Fleets", "Aggregation", "BeginAggregation"} {
		f.memory.breakDown(method, errPanic)
	}
	for operation, h := range reads(farmA) {
		h.key, h.at = key, f.clock()
		if a := f.send(h.request()); a.header.Get("x-amzn-ErrorType") != "AccessDeniedException" {
			t.Errorf("%s: %d %s", operation, a.status, a.body)
		}
	}
}

// TestPagesOfFarms: the pages of a list hold the farms that the key may read alone.
func TestPagesOfFarms(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.NoAuth = false })
	key := f.keyWith(farmtally.Grant{FarmID: farmB, Role: farmtally.Manager})
	h := handSigned{key: key, at: f.clock(), method: http.MethodGet, path: "/2023-10-12/farms", query: "maxResults=1"}
	if a := f.send(h.request()); !strings.Contains(a.body, string(farmB)) || a.member(t, "nextToken") != "" {
		t.Errorf("got %s", a.body)
	}
}
