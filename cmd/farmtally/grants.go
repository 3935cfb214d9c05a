package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/farmtally/farmtally"
)

// everyFarm stands for all farms in a grant.
const everyFarm = "*"

// wantedGrant is a grant as the command line has it, its farm a name or an id.
type wantedGrant struct {
	farm string
	role farmtally.Role
}

// keyGrant is a grant as a script reads it.
type keyGrant struct {
	FarmID   string `json:"farmId"` // or everyFarm
	FarmName string `json:"farmName,omitempty"`
	Role     string `json:"role"`
}

// parseGrants reads FARM=ROLE; the name of a farm may have a = in it.
func parseGrants(texts []string) ([]wantedGrant, error) {
	var grants []wantedGrant
	for _, text := range texts {
		at := strings.LastIndexByte(text, '=')
		if at < 1 {
			return nil, fmt.Errorf("--grant %s: not a farm and a role such as studio=MANAGER or '*=OWNER'", text)
		}
		role, err := farmtally.ParseRole(strings.ToUpper(text[at+1:]))
		if err != nil {
			return nil, fmt.Errorf("--grant %s: the role %w", text, err)
		}
		grants = append(grants, wantedGrant{text[:at], role})
	}
	return grants, nil
}

// presenceFor says whether a folder that knows no farms yet can have such grants.
func presenceFor(wanted []wantedGrant) presence {
	named := func(w wantedGrant) bool { return w.farm != everyFarm && !farmtally.IsID(farmtally.FarmPrefix, w.farm) }
	if slices.ContainsFunc(wanted, named) {
		return mustExist
	}
	return mayBeNew
}

// resolveGrants finds the farms of the grants. An id may be of a farm that has no
// records yet; a name must be one farm's.
func resolveGrants(farms []farmtally.Farm, wanted []wantedGrant) ([]farmtally.Grant, error) {
	known := make([]thing, len(farms))
	for i, f := range farms {
		known[i] = thing{string(f.ID), f.Name}
	}
	var grants []farmtally.Grant
	for _, w := range wanted {
		g := farmtally.Grant{FarmID: farmtally.FarmID(w.farm), Role: w.role}
		switch {
		case w.farm == everyFarm:
			g.FarmID = farmtally.EveryFarm
		case !farmtally.IsID(farmtally.FarmPrefix, w.farm):
			found := match(known, w.farm)
			if len(found) != 1 {
				return nil, noneOrMany("farm", "the data folder", w.farm, known, found)
			}
			g.FarmID = farmtally.FarmID(found[0].id)
		}
		if slices.ContainsFunc(grants, func(o farmtally.Grant) bool { return o.FarmID == g.FarmID }) {
			return nil, &farmtally.Error{
				Kind: farmtally.Invalid, Message: fmt.Sprintf("the farm %s is granted twice", w.farm),
				Hint: "grant it once; OWNER is MANAGER and WRITER together",
			}
		}
		grants = append(grants, g)
	}
	return grants, nil
}

// namedGrants are grants for a script.
func namedGrants(farms []farmtally.Farm, grants []farmtally.Grant) []keyGrant {
	named := []keyGrant{}
	for _, g := range grants {
		x := keyGrant{FarmID: cmp.Or(string(g.FarmID), everyFarm), Role: g.Role.String()}
		if i := slices.IndexFunc(farms, func(f farmtally.Farm) bool { return f.ID == g.FarmID }); i >= 0 {
			x.FarmName = farms[i].Name
		}
		named = append(named, x)
	}
	return named
}

// roles are grants for people.
func roles(farms []farmtally.Farm, grants []farmtally.Grant) string {
	var texts []string
	for _, g := range namedGrants(farms, grants) {
		texts = append(texts, cmp.Or(g.FarmName, g.FarmID)+"="+g.Role)
	}
	return strings.Join(texts, ", ")
}
