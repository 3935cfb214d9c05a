package ingest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
)

// SlurmKind is the kind of source that Slurm's names are hashed with.
const SlurmKind = "slurm"

// Sacct reads Slurm's accounting log as sacct --parsable2 prints it: with a header,
// which names the columns in any order, or without one, in the 26 columns that Open
// XDMoD asks for.
//
// A cluster is a farm, a partition a queue, and a job that was given a node a COMPUTE
// record, with a LICENSE record for each licence that it held. The tasks of an array
// are one job. Of a time that comes twice, when summer time ends, the first is
// meant, or of an end the second where the job could not have run so long otherwise.
type Sacct struct {
	Farm     string         // the farm, by name or id; "": the cluster
	Fleet    string         // the fleet, by name or id; "": one named as the cluster
	Location *time.Location // the zone of the log's times; nil is UTC
}

// The columns that mean something here.
const (
	colJobID = iota
	colJobIDRaw
	colCluster
	colPartition
	colUser
	colUID
	colStart
	colEnd
	colElapsed
	colNNodes
	colNCPUS
	colAllocTRES
	colNodeList
	colJobName
	columnCount
)

// columnNames are the names of the columns in messages.
var columnNames = [columnCount]string{"JobID", "JobIDRaw", "Cluster", "Partition", "User", "UID", "Start", "End",
	"Elapsed", "NNodes", "NCPUS", "AllocTRES", "NodeList", "JobName"}

// columnsByName are sacct's names, in lower case.
var columnsByName = map[string]int{"jobid": colJobID, "jobidraw": colJobIDRaw, "cluster": colCluster,
	"partition": colPartition, "user": colUser, "uid": colUID, "start": colStart, "end": colEnd,
	"elapsed": colElapsed, "nnodes": colNNodes, "allocnodes": colNNodes, "ncpus": colNCPUS, "alloccpus": colNCPUS,
	"alloctres": colAllocTRES, "nodelist": colNodeList, "jobname": colJobName}

// xdmod is the form without a header.
var xdmod = strings.Fields("jobid jobidraw cluster partition qos account group gid user uid submit eligible start end " +
	"elapsed exitcode state nnodes ncpus reqcpus reqmem reqtres alloctres timelimit nodelist jobname")

// Read implements Source. A header that lacks a needed column is an error for the
// stream.
func (s Sacct) Read(ctx context.Context, r io.Reader, yield func(*Row) error) error {
	lines, err := newLineReader(ctx, r)
	if err != nil {
		return err
	}
	log, err := newSacctLog(s)
	if err != nil {
		return err
	}
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		log.row.begin(l.number)
		passed, err := log.line(l)
		if err != nil {
			return err
		}
		if passed {
			continue
		}
		if err := yield(&log.row); err != nil {
			return err
		}
	}
}

// sacctLog is one log on the way to its records.
type sacctLog struct {
	names
	source    Sacct
	header    bool             // the columns come from a header
	columns   [columnCount]int // where each is on a line, or -1
	width     int              // how many there are
	nameLast  bool             // the last one is the job's name, and may hold a "|"
	cells     []string
	row       Row
	allocated allocation
}

func newSacctLog(s Sacct) (*sacctLog, error) {
	if s.Location == nil {
		s.Location = time.UTC
	}
	log := &sacctLog{names: newNames(SlurmKind), source: s}
	if _, err := log.farm(s.Farm); err != nil {
		return nil, farmtally.Errorf(farmtally.Invalid, "the farm %s", err)
	}
	if _, _, err := log.resolve(farmtally.FleetPrefix, "", s.Fleet); err != nil {
		return nil, farmtally.Errorf(farmtally.Invalid, "the fleet %s", err)
	}
	log.use(xdmod)
	return log, nil
}

// use takes the columns that have these names.
func (s *sacctLog) use(names []string) {
	for i := range s.columns {
		s.columns[i] = -1
	}
	for i, name := range names {
		if column, ok := columnsByName[strings.ToLower(name)]; ok && s.columns[column] < 0 {
			s.columns[column] = i
		}
	}
	s.width = len(names)
	s.nameLast = s.columns[colJobName] == s.width-1
}

// cell is the text of a column on the line under way, and "" where the log has none.
func (s *sacctLog) cell(column int) string {
	if s.columns[column] < 0 {
		return ""
	}
	return s.cells[s.columns[column]]
}

// line fills in the row, or reports that the line is a header.
func (s *sacctLog) line(l line) (header bool, err error) {
	switch {
	case l.fault != "":
		s.row.fault(wholeLine, "%s", l.fault)
		return false, nil
	case l.blank():
		s.row.Skip = BlankLine
		return false, nil
	}
	text := string(l.text)
	if isHeader(text) {
		return s.readHeader(text)
	}
	s.cells = s.cells[:0]
	for more := true; more; {
		var cell string
		if len(s.cells) == s.width-1 && s.nameLast {
			cell, more = text, false
		} else {
			cell, text, more = strings.Cut(text, "|")
		}
		s.cells = append(s.cells, cell)
	}
	if len(s.cells) != s.width {
		s.miscounted()
		return false, nil
	}
	s.job()
	return false, nil
}

func (s *sacctLog) miscounted() {
	switch {
	case !s.header:
		s.row.fault(wholeLine, "has %d columns; without a header the 26 of Open XDMoD's form are needed, separated by |", len(s.cells))
	case len(s.cells) < s.width:
		s.row.fault(wholeLine, "has %d columns; the header has %d", len(s.cells), s.width)
	default:
		s.row.fault(wholeLine, "has %d columns; the header has %d: where a job's name may hold a |, JobName must be the last column",
			len(s.cells), s.width)
	}
}

// isHeader reports whether the line names columns: a job id's, and another one's.
func isHeader(text string) bool {
	if len(text) > 4096 || !strings.Contains(strings.ToLower(text), "jobid") {
		return false
	}
	id, others := false, 0
	for name := range strings.SplitSeq(strings.ToLower(text), "|") {
		if name == "jobid" || name == "jobidraw" {
			id = true
		} else if _, known := columnsByName[name]; known {
			others++
		}
	}
	return id && others > 0
}

func (s *sacctLog) readHeader(text string) (header bool, err error) {
	s.use(strings.Split(text, "|"))
	if s.header {
		s.row.Skip = RepeatedHeader
	}
	header, s.header = !s.header, true
	e := farmtally.Errorf(farmtally.Invalid, "line %d is a header that lacks needed columns", s.row.Line)
	e.Hint = "sacct --parsable2 --allusers --format=JobID,Cluster,Partition,User,Start,End,Elapsed,NNodes,NCPUS,AllocTRES,NodeList,JobName prints what is needed"
	lacks := func(column int, why string) {
		e.Fields = append(e.Fields, farmtally.Field{Name: columnNames[column], Message: why})
	}
	if s.columns[colStart] < 0 {
		lacks(colStart, "is needed")
	}
	if s.columns[colEnd] < 0 {
		lacks(colEnd, "is needed")
	}
	if s.columns[colCluster] < 0 && s.source.Farm == "" {
		lacks(colCluster, "is needed, or a farm's name for the whole log")
	}
	if len(e.Fields) > 0 {
		return false, e
	}
	return header, nil
}

// isStep reports whether a job id is that of a step: "123.batch", "123_4.0".
func isStep(id string) bool {
	job, _, dot := strings.Cut(id, ".")
	return dot && job != "" && '0' <= job[0] && job[0] <= '9'
}

// wholeJob is the id that the tasks of an array ("123_4"), and the components of a
// heterogeneous job ("123+1"), have in common.
func wholeJob(id string) string {
	if i := strings.IndexAny(id, "_+"); i > 0 {
		return id[:i]
	}
	return id
}

// notYet are what sacct prints for an instant that has not come.
var notYet = []string{"Unknown", "None"}

func isNotYet(s string) bool {
	return slices.ContainsFunc(notYet, func(word string) bool { return strings.EqualFold(s, word) })
}
