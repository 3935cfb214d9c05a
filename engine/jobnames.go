package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
)

// nameJobs gives the names of the jobs that an answer has, by place, nil where the query
// does not group by jobs. It looks them up, unless it did before and no job has been
// renamed or named since.
func (a *aggregation) nameJobs(ctx context.Context, answer *answer) ([]string, error) {
	group := slices.Index(a.query.GroupBy, farmtally.ByJob)
	if group < 0 {
		return nil, nil
	}
	catalog := a.snapshot.engine.catalog
	if a.renames == nil {
		renames, err := catalog.JobRenames(ctx)
		if err != nil {
			return nil, fmt.Errorf("name jobs: %w", err)
		}
		a.renames = &renames
	}
	texts := answer.texts[group]
	if known := answer.names.Load(); known != nil && known.renames == *a.renames && allNamed(known.names, texts) {
		return known.names, nil
	}
	named, err := catalog.JobNames(ctx, a.snapshot.farm, texts)
	if err != nil {
		return nil, fmt.Errorf("name jobs: %w", err)
	}
	names := make([]string, len(texts))
	for place, id := range texts {
		names[place] = named[id]
	}
	answer.names.Store(&jobNames{*a.renames, names})
	return names, nil
}

// allNamed reports whether every job has a name. One that has none may get one without
// being renamed.
func allNamed(names, jobs []string) bool {
	for i, name := range names {
		if name == "" && jobs[i] != "" {
			return false
		}
	}
	return true
}
