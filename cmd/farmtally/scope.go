package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline"

	"github.com/farmtally/farmtally"
)

// thing is a farm, a queue or a fleet.
type thing struct{ id, name string }

// String names the thing for people.
func (t thing) String() string {
	if t.name == "" {
		return t.id
	}
	return t.name
}

// scope is what an aggregation is over, as the server knows it.
type scope struct {
	farm      thing
	resources []thing
	fleets    bool              // the resources are fleets
	names     map[string]string // of queues and fleets, by id
}

// resolve finds the ids of the inquiry's names.
func (c *client) resolve(ctx context.Context, q *inquiry) (*scope, error) {
	farms, err := c.farms(ctx)
	if err != nil {
		return nil, err
	}
	farm, err := pickFarm(theServer, farms, q.farm)
	if err != nil {
		return nil, err
	}
	queues, err := c.queues(ctx, farm.id)
	if err != nil {
		return nil, err
	}
	fleets, err := c.fleets(ctx, farm.id)
	if err != nil {
		return nil, err
	}
	s := &scope{farm: farm, names: map[string]string{}}
	for _, t := range append(append([]thing{}, queues...), fleets...) {
		s.names[t.id] = t.name
	}
	s.fleets = len(q.fleets) > 0 || len(q.queues) == 0 && len(queues) == 0
	if s.fleets {
		s.resources, err = pick("fleet", farm, fleets, q.fleets)
	} else {
		s.resources, err = pick("queue", farm, queues, q.queues)
	}
	return s, err
}

// Where farms are looked for.
const (
	theServer  = "the server"
	dataFolder = "the data folder"
)

// pickFarm finds the farm by its name or id among those that where has for the user;
// "" is the only one.
func pickFarm(where string, farms []thing, wanted string) (thing, error) {
	switch {
	case len(farms) == 0 && where == dataFolder:
		return thing{}, &farmtally.Error{
			Kind: farmtally.NotFound, Message: "the data folder has no farms yet",
			Hint: "import some records with 'farmtally import'",
		}
	case len(farms) == 0:
		return thing{}, &farmtally.Error{
			Kind: farmtally.NotFound, Message: "the server has no farm that this key may read",
			Hint: "import some records with 'farmtally import', or ask with a key that is OWNER or MANAGER of a farm",
		}
	case wanted == "" && len(farms) == 1:
		return farms[0], nil
	case wanted == "":
		return thing{}, &farmtally.Error{
			Kind: farmtally.Invalid, Message: fmt.Sprintf("%s has %d farms", where, len(farms)),
			Hint: "name one with --farm: " + list(farms),
		}
	}
	found := match(farms, wanted)
	if len(found) != 1 {
		return thing{}, noneOrMany("farm", where, wanted, farms, found)
	}
	return found[0], nil
}

// pick finds the farm's queues or fleets by their names or ids; none wanted is all.
func pick(kind string, farm thing, all []thing, wanted []string) ([]thing, error) {
	if len(wanted) == 0 {
		return all, nil
	}
	var picked []thing
	for i, w := range wanted {
		found := match(all, w)
		if len(found) != 1 {
			return nil, noneOrMany(kind, "farm "+farm.String(), w, all, found)
		}
		if at := slices.Index(picked, found[0]); at >= 0 {
			return nil, farmtally.Errorf(farmtally.Invalid, "--%s %s and --%s %s are the same %s", kind, wanted[at], kind, wanted[i], kind)
		}
		picked = append(picked, found[0])
	}
	return picked, nil
}

func match(all []thing, wanted string) (found []thing) {
	for _, t := range all {
		if t.id == wanted {
			return []thing{t}
		}
		if t.name == wanted {
			found = append(found, t)
		}
	}
	return found
}

func noneOrMany(kind, where, wanted string, all, found []thing) error {
	if len(found) > 1 {
		var ids []string
		for _, t := range found {
			ids = append(ids, t.id)
		}
		return &farmtally.Error{
			Kind: farmtally.Invalid, Message: fmt.Sprintf("%s has %d %ss called %s", where, len(found), kind, wanted),
			Hint: "name one by its id: " + strings.Join(ids, ", "),
		}
	}
	return &farmtally.Error{
		Kind: farmtally.NotFound, Message: fmt.Sprintf("%s has no %s %s", where, kind, wanted),
		Hint: fmt.Sprintf("its %ss are: %s", kind, list(all)),
	}
}

// kind says what the resources are.
func (s *scope) kind() string {
	if s.fleets {
		return "fleet"
	}
	return "queue"
}

// list names things in a message, the first twenty of them.
func list(all []thing) string {
	const most = 20
	var names []string
	for _, t := range all {
		names = append(names, t.String())
	}
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		return "none"
	case n > most:
		names = append(names[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(names, ", ")
}

// pager is any of the SDK's paginators.
type pager[Page any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*deadline.Options)) (Page, error)
}

// gather calls take for every page.
func gather[Page any](ctx context.Context, p pager[Page], take func(Page)) error {
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return err
		}
		take(page)
	}
	return nil
}

func (c *client) farms(ctx context.Context) (all []thing, err error) {
	p := deadline.NewListFarmsPaginator(c.api, &deadline.ListFarmsInput{})
	err = gather(ctx, p, func(page *deadline.ListFarmsOutput) {
		for _, f := range page.Farms {
			all = append(all, thing{aws.ToString(f.FarmId), aws.ToString(f.DisplayName)})
		}
	})
	return all, err
}

func (c *client) queues(ctx context.Context, farm string) (all []thing, err error) {
	p := deadline.NewListQueuesPaginator(c.api, &deadline.ListQueuesInput{FarmId: &farm})
	err = gather(ctx, p, func(page *deadline.ListQueuesOutput) {
		for _, q := range page.Queues {
			all = append(all, thing{aws.ToString(q.QueueId), aws.ToString(q.DisplayName)})
		}
	})
	return all, err
}

func (c *client) fleets(ctx context.Context, farm string) (all []thing, err error) {
	p := deadline.NewListFleetsPaginator(c.api, &deadline.ListFleetsInput{FarmId: &farm})
	err = gather(ctx, p, func(page *deadline.ListFleetsOutput) {
		for _, f := range page.Fleets {
			all = append(all, thing{aws.ToString(f.FleetId), aws.ToString(f.DisplayName)})
		}
	})
	return all, err
}
