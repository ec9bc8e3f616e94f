package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/sync/engine"
	"fettle/ui/remote"
)

// standardInput is how the input is called where "-" stands for it.
const standardInput = "standard input"

// own gives a session of this process the files that its command line names; a
// session of another process has brought its own.
func (a *app) own(read, write []string) error {
	if a.s.Remote || a.s.Files != nil {
		return nil
	}
	named := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "-" })
	}
	files, err := remote.NewOwnFiles(named(read), named(write))
	if err != nil {
		return err
	}
	a.s.Files = files
	return nil
}

func (a *app) importCommand() *cobra.Command {
	var o engine.ImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE|DIR...",
		Short: "Take in a catalogue or content that was carried here as files",
		Long: `Take in files that were carried here, in the order given. What a file is is told
by what is in it, not by its name:

  Microsoft's offline scan catalogue (wsusscn2.cab)
  a package that wsusutil export wrote (a cabinet, or .xml.gz with its cabinet)
  a directory: the content of a WSUS server (WsusContent)

It is said what each is, which edition and who signed it, before anything is
taken in, and asked. A catalogue comes into force as a whole at the end; one that
is cancelled or fails leaves what was. An import brings facts only, so that it
may come before the setup.

Files that no trusted signer signed are refused unless config.toml says
unsigned = true under [import]; what wsusutil exports nobody signs.

"-" means standard input: ssh SERVER fettle import - --yes < wsusscn2.cab`,
		Example: `  fettle import wsusscn2.cab
  fettle import export.cab WsusContent --plan
  fettle import old.cab --force --yes`,
		Args: between(1, -1, `files or directories, or "-"`),
	}
	f := cmd.Flags()
	f.StringVar(&o.Upstream, "upstream", "", "`NAME` of the upstream that the catalogue belongs to (default: the one of its kind)")
	f.BoolVar(&o.Force, "force", false, "take in an edition that is older than the last one, or implausibly small")
	f.BoolVar(&a.flags.plan, "plan", false, "say what would change, change nothing")
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask; without a terminal it is needed")
	do := a.held(long, func(ctx context.Context, h *host, args []string) error { return a.importFiles(ctx, h, args, o) })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for i, name := range args {
			if slices.Contains(args[:i], name) {
				return misuse("%s is named twice", model.Clean(name))
			}
		}
		if err := a.own(args, nil); err != nil {
			return err
		}
		return do(cmd, args)
	}
	return cmd
}

// carried is one argument of an import.
type carried struct {
	file remote.File
	what *engine.Carried // nil = a content directory
	kind string
}

// kindContent is what the kind of a content directory is called.
const kindContent = "content"

func (a *app) importFiles(ctx context.Context, h *host, args []string, o engine.ImportOptions) (err error) {
	if !a.flags.plan {
		if err := a.permit("Nothing was imported"); err != nil {
			return err
		}
	}
	if o.Upstream != "" && !validUpstreamName(o.Upstream) {
		return misuse("--upstream %q cannot be an upstream's name", model.Clean(o.Upstream))
	}
	var all []carried
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.file.Close())
		}
	}()
	var wrong []error
	for _, name := range args {
		c, cerr := a.recognize(ctx, h, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if cerr != nil {
			wrong = append(wrong, cerr)
			continue
		}
		all = append(all, c)
		refused := error(nil)
		if c.what != nil {
			refused = c.what.Refusal()
		}
		if !a.flags.plan || refused != nil {
			a.describe(c)
		}
		wrong = append(wrong, refused)
	}
	// Either everything that was named can be taken in, or nothing is.
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if a.flags.plan {
		return a.planImport(ctx, h, all, o)
	}
	if !a.flags.yes {
		if !a.s.Ask {
			return &usageError{err: errors.New("without a terminal to ask at, an import needs --yes"), hint: "What it would change is said by --plan."}
		}
		question := "Take it in?"
		if len(all) > 1 {
			question = fmt.Sprintf("Take these %d in, in this order?", len(all))
		}
		yes, err := a.ask(ctx, question, true)
		if err != nil {
			return err
		}
		if !yes {
			return errDeclined
		}
	}
	return a.importAll(ctx, h, all, o)
}

// validUpstreamName says whether a name may be an upstream's.
func validUpstreamName(name string) bool {
	return model.Clean(name) == name && len(name) <= 50 && strings.TrimSpace(name) != ""
}

// recognize opens an argument and says what it is.
func (a *app) recognize(ctx context.Context, h *host, name string) (c carried, err error) {
	if name == "-" {
		c.file, err = a.spool(ctx, h)
	} else if a.s.Files == nil {
		err = errors.New("this session has no files")
	} else {
		c.file, err = a.s.Files.Open(ctx, name)
	}
	if err != nil {
		var refusal *model.Refusal
		var usage *usageError
		if errors.As(err, &refusal) || errors.As(err, &usage) || ctx.Err() != nil {
			return c, err
		}
		var path *fs.PathError // which names the file once more
		if errors.As(err, &path) {
			err = path.Err
		}
		return c, fmt.Errorf("opening %s: %w", model.Clean(name), err)
	}
	if dir := c.file.Directory(); dir != nil {
		c.kind, err = kindContent, checkContent(name, dir)
	} else {
		c.what, err = h.engine.Recognize(ctx, engine.CarriedFile{Name: c.file.Name(), Reader: c.file, Size: c.file.Size()})
		if err == nil {
			c.kind = string(c.what.Kind)
		}
		var refusal *model.Refusal
		if errors.As(err, &refusal) { // which names the file itself
			err = refusal
		}
	}
	if err != nil {
		return c, errors.Join(err, c.file.Close())
	}
	return c, nil
}

// checkContent refuses a directory that is no content directory of WSUS: its
// folders are called after the end of a SHA-1, and it may stand in a folder of its
// own (offline-catalogues C.3).
func checkContent(name string, dir fs.FS) error {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return fmt.Errorf("reading %s: %w", model.Clean(name), err)
	}
	var files []string
	for _, e := range entries {
		if e.IsDir() && (contentFolder(e.Name()) || strings.EqualFold(e.Name(), "WsusContent")) {
			return nil
		}
		if !e.IsDir() && len(files) < 3 {
			files = append(files, model.Clean(e.Name()))
		}
	}
	r := &model.Refusal{Code: "unrecognized", What: model.Clean(name) + " was not imported", Why: "it is a directory, but not the content of a WSUS server", Remedy: "name the directory WsusContent, or the file of a catalogue"}
	if len(files) > 0 {
		r.Why += "; it holds " + strings.Join(files, ", ")
		r.Remedy = "name the file itself: fettle import " + shellWord(path.Join(name, files[0]))
	}
	return r
}

// contentFolder says whether a name is that of a folder of content.
func contentFolder(name string) bool {
	_, err := hex.DecodeString(name)
	return len(name) == 2 && err == nil
}

// facts lists what is known of an argument before it is read.
func (c *carried) facts() []engine.Fact {
	if c.what == nil {
		return []engine.Fact{{Name: "Verified", Value: "each file by its digest when it is taken in; what no update names is left out"}}
	}
	return c.what.Facts
}

func (c *carried) title() string {
	if c.what == nil {
		return "the content of a WSUS server (WsusContent)"
	}
	return c.what.What
}

// heading names an argument and what it is.
func (c *carried) heading() string {
	text := model.Clean(c.file.Name()) + ": " + c.title()
	if c.what != nil {
		text += ", " + size(c.what.Size)
	}
	return text
}

// describe tells what an argument is.
func (a *app) describe(c carried) {
	_ = a.paragraph(a.s.Err, "", c.heading())
	for _, f := range c.facts() {
		_ = a.paragraph(a.s.Err, "  ", f.Name+": "+f.Value)
	}
}

// object begins what programs are told of an argument.
func (c *carried) object(h *host, o engine.ImportOptions) object {
	known := object{}
	edition := ""
	for _, f := range c.facts() {
		known = append(known, member{key: strings.ReplaceAll(strings.ToLower(f.Name), " ", "_"), value: f.Value})
		if f.Name == "Made" {
			edition = f.Value
		}
	}
	out := object{{key: "file", value: c.file.Name()}, {key: "kind", value: c.kind}, {key: "what", value: c.title()}, {key: "edition", value: edition}, {key: "size", value: c.file.Size()}, {key: "facts", value: known}}
	signer, trusted, upstream := "", false, ""
	if c.what != nil {
		signer, trusted, upstream = c.what.Signed, c.what.Trusted, o.Upstream
		if upstream == "" {
			upstream = h.engine.ImportName(c.what)
		}
	}
	return append(out, member{key: "signed_by", value: signer}, member{key: "trusted", value: trusted}, member{key: "upstream", value: upstream})
}

// importAll runs the jobs, one after the other, and answers with what came of
// them. The first that fails ends it.
func (a *app) importAll(ctx context.Context, h *host, all []carried, o engine.ImportOptions) error {
	var rows []object
	var runs []*model.SyncRun
	var said []string
	var failed error
	for i, c := range all {
		row := c.object(h, o)
		job, err := a.startImport(ctx, h, c, o)
		if err == nil {
			err = a.followSaying(ctx, h, job, "Cancelling; what is in force stays as it was.")
			if job.State().Canceled && ctx.Err() == nil {
				err = errors.New("the import was cancelled")
			}
			st := job.State()
			row = append(row, member{key: "result", value: st.Result})
			if c.what == nil {
				said = append(said, st.Result)
			} else if r := runOf(h, st.Run); r != nil {
				runs = append(runs, r)
				row = append(row, runMembers(r)...)
			}
		}
		message := ""
		if err != nil {
			message = model.Clean(err.Error())
			failed = fmt.Errorf("importing %s: %w", model.Clean(c.file.Name()), err)
		}
		rows = append(rows, append(row, member{key: "error", value: message}))
		if err != nil {
			for _, left := range all[i+1:] {
				a.say("%s was not imported: it stands behind what failed.", model.Clean(left.file.Name()))
			}
			break
		}
	}
	switch {
	case a.flags.json:
		return errors.Join(a.writeJSON(a.present(rows)), failed)
	case a.flags.csv:
		return errors.Join(a.writeList(a.importTable(rows), ""), failed)
	}
	if len(runs) > 0 {
		if err := a.writeRuns(runs, ""); err != nil {
			return errors.Join(err, failed)
		}
		a.tellRuns(runs)
	}
	for _, text := range said {
		if err := a.paragraph(a.s.Out, "", text); err != nil {
			return errors.Join(err, failed)
		}
	}
	return failed
}

// importColumns are what a spreadsheet has of an import.
var importColumns = []string{"file", "kind", "edition", "signed_by", "upstream", "run", "new", "revised", "expired", "withdrawn", "documents", "failures", "result", "error"}

// importTable makes a table of imports that differ in what they have.
func (a *app) importTable(rows []object) *table {
	var columns []column[object]
	for _, key := range importColumns {
		columns = append(columns, column[object]{key: key, title: strings.ToUpper(key), value: func(o object) any { return valueOf(o, key) }})
	}
	return list(a, rows, columns)
}

func (a *app) startImport(ctx context.Context, h *host, c carried, o engine.ImportOptions) (*engine.Job, error) {
	if c.what != nil {
		return h.engine.Import(ctx, c.what, o, a.actor())
	}
	// Content is read where it is, by this process: it may be shared with the store
	// instead of being copied, and there may be a lot of it.
	if _, err := os.ReadDir(c.file.Path()); err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, &model.Refusal{Code: "content-unreadable", What: model.Clean(c.file.Name()) + " was not imported", Why: fmt.Sprintf("the process that holds the store, of user %s, cannot read %s: %s", remote.UserName(os.Geteuid()), model.Clean(c.file.Path()), model.Clean(err.Error())),
			Remedy: "let it read the directory with all that is below, or copy it to where it can"}
	}
	return h.engine.ImportContent(ctx, c.file.Path(), a.actor())
}

// runOf finds the record of a run.
func runOf(h *host, id uint64) *model.SyncRun {
	for _, r := range h.store.Snapshot().Runs() {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// runMembers is what a record says, for programs.
func runMembers(r *model.SyncRun) object {
	var failures []object
	for _, f := range r.Failures {
		failures = append(failures, object{{key: "item", value: f.Item}, {key: "reason", value: f.Reason}})
	}
	return object{{key: "run", value: r.ID}, {key: "new", value: len(r.New)}, {key: "revised", value: len(r.Revised)}, {key: "expired", value: len(r.Expired)}, {key: "withdrawn", value: len(r.Withdrawn)},
		{key: "documents", value: r.Documents}, {key: "categories", value: r.Products}, {key: "failures", value: len(r.Failures)}, {key: "not_imported", value: failures}, {key: "remarks", value: r.Remarks}, {key: "initial", value: r.Initial},
		{key: "seconds", value: seconds(r)}, {key: "read", value: r.Read}, {key: "rules", value: ruleOutcomes(r.Rules)}, {key: "declined", value: len(r.Declined)}}
}

// planImport says what imports would change, each by itself in the catalogue as it
// is now.
func (a *app) planImport(ctx context.Context, h *host, all []carried, o engine.ImportOptions) error {
	var rows []object
	for i, c := range all {
		row := c.object(h, o)
		m := a.meter()
		if c.what == nil {
			files, bytes, wanted, wantedBytes, err := planContent(ctx, h, c.file.Directory(), m)
			m.clear()
			if err != nil {
				return fmt.Errorf("looking through %s: %w", model.Clean(c.file.Name()), err)
			}
			rows = append(rows, append(row, member{key: "files", value: files}, member{key: "bytes", value: bytes}, member{key: "wanted", value: wanted}, member{key: "wanted_bytes", value: wantedBytes}))
		} else {
			p, err := h.engine.PlanImport(ctx, c.what, o, m.show)
			m.clear()
			if err != nil {
				a.describe(c)
				return err
			}
			var failures []object
			for _, f := range p.Failures {
				failures = append(failures, object{{key: "item", value: f.Item}, {key: "reason", value: f.Reason}})
			}
			rows = append(rows, append(row, member{key: "new", value: p.New}, member{key: "revised", value: p.Revised}, member{key: "withdrawn", value: p.Withdrawn}, member{key: "unchanged", value: p.Unchanged},
				member{key: "documents", value: p.Documents}, member{key: "categories", value: p.Categories}, member{key: "titles", value: p.Titles}, member{key: "remarks", value: p.Remarks},
				member{key: "failures", value: len(p.Failures)}, member{key: "not_imported", value: failures}))
		}
		if a.flags.json || a.flags.csv {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.s.Out)
		}
		a.writeImportPlan(c, rows[i])
	}
	switch {
	case a.flags.json:
		return a.writeJSON(a.present(rows))
	case a.flags.csv:
		return a.writeList(a.importTable(rows), "")
	}
	return nil
}

// writeImportPlan shows the plan of one import.
func (a *app) writeImportPlan(c carried, o object) {
	say := func(indent, text string) {
		// What cannot be written to a terminal is not worth an error of its own.
		_ = a.paragraph(a.s.Out, indent, text)
	}
	n := func(key string) int { v, _ := valueOf(o, key).(int); return v }
	say("", c.heading())
	for _, f := range c.facts() {
		say("  ", f.Name+": "+f.Value)
	}
	if c.what == nil {
		bytes, _ := valueOf(o, "bytes").(int64)
		wanted, _ := valueOf(o, "wanted_bytes").(int64)
		say("  ", fmt.Sprintf("It has %s, %s. Updates of the catalogue name %d of them, %s: these would be verified and kept.", count(n("files"), "file"), size(bytes), n("wanted"), size(wanted)))
		return
	}
	upstream, _ := valueOf(o, "upstream").(string)
	say("  ", fmt.Sprintf("It would bring, as upstream %s: %s, %d revised, %d withdrawn, %d unchanged; %d new %s; %s that are new or differ.",
		upstream, countOf(n("new"), "new update", "new updates"), n("revised"), n("withdrawn"), n("unchanged"), n("categories"), plural(n("categories"), "product or classification", "products and classifications"),
		countOf(n("documents"), "document", "documents")))
	titles, _ := valueOf(o, "titles").([]string)
	for _, t := range titles {
		say("    ", "new: "+t)
	}
	if more := n("new") - len(titles); more > 0 && len(titles) > 0 {
		say("    ", fmt.Sprintf("... and %d more", more))
	}
	remarks, _ := valueOf(o, "remarks").([]string)
	for _, r := range remarks {
		say("  ", "Note: "+r)
	}
	failures, _ := valueOf(o, "not_imported").([]object)
	for i, f := range failures {
		if i == 5 {
			say("  ", fmt.Sprintf("... and %d more that would not be imported", len(failures)-i))
			break
		}
		say("  ", fmt.Sprintf("Would not be imported: %v: %v", valueOf(f, "item"), valueOf(f, "reason")))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// countOf is count for nouns with a plural of their own.
func countOf(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

// planContent counts the files of a content directory, and those of them that an
// update of the catalogue names.
func planContent(ctx context.Context, h *host, dir fs.FS, m *meter) (files int, bytes int64, wanted int, wantedBytes int64, err error) {
	named := map[string]bool{}
	if err := h.store.EachUpdate(ctx, func(u *model.Update) error {
		for _, f := range u.Files {
			named[hex.EncodeToString(f.SHA1)] = true
		}
		return nil
	}); err != nil {
		return 0, 0, 0, 0, err
	}
	progress := model.Progress{Phase: "looking for content"}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.IsDir() && strings.Count(name, "/") >= 3 {
			return fs.SkipDir
		}
		base := strings.ToLower(strings.TrimSuffix(d.Name(), path.Ext(d.Name())))
		if sum, err := hex.DecodeString(base); !d.Type().IsRegular() || err != nil || len(sum) != 20 {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+info.Size()
		if named[base] {
			wanted, wantedBytes = wanted+1, wantedBytes+info.Size()
		}
		progress.Done, progress.Bytes = int64(files), bytes
		m.show(progress)
		return nil
	})
	return files, bytes, wanted, wantedBytes, err
}
