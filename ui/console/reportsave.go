package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/report"
)

// reportForms are the forms in which a report can be written.
var reportForms = []struct{ name, note, ending, flag string }{
	{"Text", "tables for people; nothing is cut", ".txt", ""},
	{"CSV", "one table, for spreadsheets and programs", ".csv", " --csv"},
	{"JSON", "everything, for programs", ".json", " --json"},
	{"Markdown", "for tickets and wikis", ".md", " --markdown"},
	{"HTML", "one page, for browsers and mail", ".html", " --html"},
}

// reportWriting is a file that is being written, off the interface goroutine.
type reportWriting struct {
	path   string
	cancel context.CancelFunc
	bytes  atomic.Int64
}

func (w *reportWriting) text() string {
	return "writing " + model.Clean(filepath.Base(w.path)) + ", " + size(w.bytes.Load()) + "; x stops it"
}

// save lets choose the form of a file.
func (p *reportPane) save() tea.Cmd {
	m := &menu{c: p.c, title: "Save as"}
	for i, f := range reportForms {
		m.items = append(m.items, menuItem{f.name, f.note, func() tea.Cmd {
			if f.name == "CSV" {
				return p.saveTable(i)
			}
			return p.askPath(i, "")
		}})
	}
	return p.c.push(m)
}

// saveTable lets choose the table of a CSV file, which holds one.
func (p *reportPane) saveTable(form int) tea.Cmd {
	m := &menu{c: p.c, title: "Table"}
	for i := range p.made.Sections {
		s := &p.made.Sections[i]
		if s.Name == p.made.Principal {
			m.cursor = i
		}
		m.items = append(m.items, menuItem{s.Title, counted(len(s.Rows), "row", "rows"), func() tea.Cmd { return p.askPath(form, s.Name) }})
	}
	if len(m.items) == 1 {
		return m.items[0].pick()
	}
	return p.c.push(m)
}

// askPath asks for the name of the file. A console that runs in another process
// than its user's cannot write files of the user's: its command line names none
// (package remote). The command can.
func (p *reportPane) askPath(form int, table string) tea.Cmd {
	c, f := p.c, reportForms[form]
	name := p.def.Name + "-" + c.now.In(c.zone).Format(time.DateOnly) + f.ending
	if c.o.Directory == "" {
		command := p.command(f.flag, table)
		n := &noticePane{c: c, title: "Save as", fine: true, text: []string{
			"This console cannot write files of yours.",
			"",
			"It runs in the process that holds the data, which reaches only those files of yours that a command line names. In a shell of yours, this writes the same report:",
			"", command + " > " + shellWord(name), "",
			"Enter closes this and copies the command, where your terminal takes it.",
		}}
		n.enter = func() tea.Cmd { return tea.Batch(c.pop(), c.copy(command+" > "+shellWord(name))) }
		return c.push(n)
	}
	ask := &prompt{label: "write to:", seek: func(text string) (int, []string) { return completePath(c.o.Directory, text) }}
	ask.check = func(text string) error {
		if strings.TrimSpace(text) == "" {
			return errors.New("a name is needed")
		}
		return nil
	}
	ask.done = func(text string) tea.Cmd { return p.write(absolute(c.o.Directory, text), form, table, false) }
	return c.ask(ask, name)
}

// command is the command line that makes the same report.
func (p *reportPane) command(flag, table string) string {
	n := p.parameters()
	s := "fettle report " + p.def.Name
	if g := p.c.snap.Groups().Group(n.Group); g != nil {
		s += " --group " + shellWord(g.Name)
	}
	if n.Base == report.BaseApproved {
		s += " --base approved"
	}
	s += flag
	if table != "" && table != p.made.Principal {
		s += " --section " + table
	}
	if n.Query != "" {
		s += " -- " + shellWord(n.Query)
	}
	return s
}

// shellWord quotes a word where a shell would take it apart.
func shellWord(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// absolute finds a file by the name that somebody wrote.
func absolute(dir, name string) string {
	name = strings.TrimSpace(name)
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// completePath offers what a name could go on with: directories first. It reads
// one directory.
func completePath(dir, text string) (int, []string) {
	base, begun := filepath.Split(text)
	if text == "" {
		return 0, nil
	}
	return len(base), entriesOf(absolute(dir, orWord(base, ".")), begun)
}

// mostEntries is how many names of a directory are looked at.
const mostEntries = 2000

func entriesOf(dir, begun string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	entries, err := f.ReadDir(mostEntries)
	if cerr := f.Close(); cerr != nil || err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	var dirs, files []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, begun) || begun == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			dirs = append(dirs, name+"/")
		} else {
			files = append(files, name)
		}
	}
	slices.Sort(dirs)
	slices.Sort(files)
	return append(dirs, files...)
}

// write writes the file off the interface goroutine, and says where it is. An
// existing one is replaced only when that was asked.
func (p *reportPane) write(path string, form int, table string, replace bool) tea.Cmd {
	c, made := p.c, p.made
	ctx, cancel := context.WithCancel(c.ctx)
	w := &reportWriting{path: path, cancel: cancel}
	p.writing = w
	write := func() tea.Msg {
		err := writeReport(ctx, made, path, reportForms[form].flag, table, replace, &w.bytes)
		cancel()
		var there fs.FileInfo
		if errors.Is(err, fs.ErrExist) && !replace {
			there, _ = os.Lstat(path) // one that went away meanwhile is asked about all the same
		}
		return c.onInterface(func() tea.Cmd {
			p.writing = nil
			switch {
			case err == nil:
				c.say(slog.LevelInfo, fmt.Sprintf("Wrote %s, %s", path, size(w.bytes.Load())))
			case errors.Is(err, fs.ErrExist) && !replace:
				return p.askReplace(path, there, form, table)
			case errors.Is(err, context.Canceled):
				c.say(slog.LevelWarn, "writing "+path+" was stopped; nothing was left behind")
			default:
				var at *fs.PathError
				if errors.As(err, &at) { // a long path must not push the reason off the line
					err = fmt.Errorf("the report was not written: %w: %s", at.Err, path)
				}
				c.say(slog.LevelError, err.Error())
			}
			return nil
		})
	}
	return tea.Batch(write, p.watchWriting())
}

// watchWriting draws again as long as a file is being written.
func (p *reportPane) watchWriting() tea.Cmd {
	return p.c.after(planTickEvery, answered{request: &request{}, apply: func() tea.Cmd {
		if p.writing == nil {
			return nil
		}
		return p.watchWriting()
	}})
}

// askReplace asks whether a file that is there is to be replaced.
func (p *reportPane) askReplace(path string, info fs.FileInfo, form int, table string) tea.Cmd {
	text := []string{"THE FILE IS THERE ALREADY", path}
	if info != nil {
		if info.IsDir() {
			p.c.say(slog.LevelError, "a directory has this name already; write that of a file in it: "+path)
			return nil
		}
		text = append(text, size(info.Size())+", written "+p.c.when(info.ModTime()))
	}
	text = append(text, "", "Replacing it cannot be taken back.")
	q := newQuestion(p.c, "Replace", text, "Replace", nil)
	q.yes = func() tea.Cmd { return tea.Batch(p.c.drop(q), p.write(path, form, table, true)) }
	return p.c.push(q)
}

// writeReport writes a report to a file that appears under its name when it is
// whole. It is for its owner only: a report says on which computers what can be
// attacked.
func writeReport(ctx context.Context, r *report.Report, path, flag, table string, replace bool, written *atomic.Int64) error {
	if replace {
		return fillReport(ctx, r, path, flag, table, written)
	}
	// The name is taken before anything is written, so that what somebody else
	// puts there meanwhile is not lost.
	mine, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err = mine.Close(); err == nil {
		err = fillReport(ctx, r, path, flag, table, written)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// fillReport writes beside the file and gives the result its name.
func fillReport(ctx context.Context, r *report.Report, path, flag, table string, written *atomic.Int64) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := &countingWriter{ctx, f, written}
	switch flag {
	case " --csv":
		err = r.CSV(out, table)
	case " --json":
		err = r.JSON(out)
	case " --markdown":
		err = r.Markdown(out)
	case " --html":
		err = r.HTML(out)
	default:
		err = r.Text(out, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the report: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// countingWriter counts what is written, and ends when nobody wants it any more.
type countingWriter struct {
	ctx     context.Context
	to      io.Writer
	written *atomic.Int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.to.Write(b)
	w.written.Add(int64(n))
	return n, err
}
