package ingest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"
	"unsafe"

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
// stream. Rows are read on all cores.
func (s Sacct) Read(ctx context.Context, r io.Reader, yield func(*Row) error) error {
	in, err := openText(r)
	if err != nil {
		return err
	}
	p, err := s.pieces(in, pieceBytes, yield)
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// pieces reads the text in pieces of about the size.
func (s Sacct) pieces(in io.Reader, size int, yield func(*Row) error) (*pieces, error) {
	if _, err := newSacctLog(s); err != nil { // which the workers' can't have then
		return nil, err
	}
	last := ""
	return &pieces{
		cutter: &cutter{in: in, size: size}, yield: yield,
		before: func(p *piece) {
			p.header = last
			header := lastHeader(p.text)
			if p.heads = header != ""; p.heads {
				last = header
			}
		},
		parse: func() func(*piece) {
			log, _ := newSacctLog(s)
			return log.piece
		},
	}, nil
}

// sacctLog is one log on the way to its records.
type sacctLog struct {
	names
	source    Sacct
	header    string           // that the columns come from; "": they are xdmod's
	heads     bool             // the lines may be headers
	columns   [columnCount]int // where each is on a line, or -1
	width     int              // how many there are
	nameLast  bool             // the last one is the job's name, and may hold a "|"
	cells     []string
	row       *Row // that of the line under way
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

// piece reads the rows of a piece. They keep nothing of its text.
func (s *sacctLog) piece(p *piece) {
	if s.header != p.header {
		if s.header = p.header; s.header == "" {
			s.use(xdmod)
		} else {
			s.use(strings.Split(s.header, "|"))
		}
	}
	s.heads = p.heads
	lines := textLines{text: p.text}
	for {
		l, err := lines.next()
		if err != nil { // it is the end of the piece
			p.lines = lines.number
			return
		}
		s.row = p.row()
		s.row.begin(l.number)
		passed, lacking := s.line(l)
		if passed {
			p.rows = p.rows[:len(p.rows)-1]
		}
		if len(lacking) > 0 {
			p.fails = func(before int64) error { return headerFault(before+l.number, lacking) }
			return
		}
	}
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

// line fills in the row. Or it reports that the line, a header, is none, and which
// columns that lacks.
func (s *sacctLog) line(l line) (passed bool, lacking []farmtally.Field) {
	switch {
	case l.fault != "":
		s.row.fault(wholeLine, "%s", l.fault)
		return false, nil
	case l.blank():
		s.row.Skip = BlankLine
		return false, nil
	case s.heads && isHeader(l.text):
		return s.readHeader(string(l.text))
	}
	text := unsafe.String(unsafe.SliceData(l.text), len(l.text)) //nolint:gosec // it does not change while the piece is read
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
	case s.header == "" && strings.HasPrefix(s.cells[0], "{"):
		s.row.fault(wholeLine, "is JSON, as sacct --json prints it; a log is what sacct --parsable2 prints")
	case s.header == "":
		s.row.fault(wholeLine, "has %d columns; without a header the 26 of Open XDMoD's form are needed, separated by |", len(s.cells))
	case len(s.cells) < s.width:
		s.row.fault(wholeLine, "has %d columns; the header has %d", len(s.cells), s.width)
	default:
		s.row.fault(wholeLine, "has %d columns; the header has %d: where a job's name may hold a |, JobName must be the last column",
			len(s.cells), s.width)
	}
}

// maxHeader bounds a header, in bytes.
const maxHeader = 4096

// isHeader reports whether the line names columns: a job id's, and another one's.
func isHeader(text []byte) bool {
	if len(text) > maxHeader || indexJobID(text) < 0 {
		return false
	}
	id, others := false, 0
	for name := range strings.SplitSeq(strings.ToLower(string(text)), "|") {
		if name == "jobid" || name == "jobidraw" {
			id = true
		} else if _, known := columnsByName[name]; known {
			others++
		}
	}
	return id && others > 0
}

// indexJobID finds "jobid", in letters of any case. It looks at each fifth byte alone where
// that is none of the word's.
func indexJobID(text []byte) int {
	const word = "jobid"
	for end := len(word); end <= len(text); {
		ahead := jobIDAhead[text[end-1]]
		if ahead > 0 {
			end += int(ahead)
			continue
		}
		if bytes.EqualFold(text[end-len(word):end], []byte(word)) {
			return end - len(word)
		}
		end += len(word)
	}
	return -1
}

// jobIDAhead says of each byte how far behind it "jobid" ends at the earliest. No letter is
// in the word twice.
var jobIDAhead = func() (ahead [256]uint8) {
	for i := range ahead {
		ahead[i] = 5
	}
	for i, c := range []byte("jobid") {
		ahead[c] = uint8(4 - i)
		ahead[c-'a'+'A'] = ahead[c]
	}
	return ahead
}()

// lastHeader gives the last header among whole lines, "" where there is none.
func lastHeader(text []byte) (header string) {
	for {
		at := indexJobID(text)
		if at < 0 {
			return header
		}
		lines := textLines{text: text[bytes.LastIndexByte(text[:at], '\n')+1:]}
		if l, _ := lines.next(); l.fault == "" && isHeader(l.text) {
			header = string(l.text)
		}
		text = lines.text
	}
}

// readHeader takes the columns of a header. The first one of a log is no row.
func (s *sacctLog) readHeader(text string) (first bool, lacking []farmtally.Field) {
	s.use(strings.Split(text, "|"))
	first = s.header == ""
	s.header = text
	if !first {
		s.row.Skip = RepeatedHeader
	}
	lacks := func(column int, why string) {
		lacking = append(lacking, farmtally.Field{Name: columnNames[column], Message: why})
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
	return first || len(lacking) > 0, lacking
}

// headerFault is the error of a log that has such a header.
func headerFault(line int64, lacking []farmtally.Field) error {
	e := farmtally.Errorf(farmtally.Invalid, "line %d is a header that lacks needed columns", line)
	e.Fields = lacking
	e.Hint = "sacct --parsable2 --allusers --format=JobID,Cluster,Partition,User,Start,End,Elapsed,NNodes,NCPUS,AllocTRES,NodeList,JobName prints what is needed"
	return e
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
