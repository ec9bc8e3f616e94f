package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream/wsusexport"
	"fettle/ui/remote"
)

func (a *app) exportCommand() *cobra.Command {
	cmd := a.planned(&cobra.Command{
		Use:   "export FILE",
		Short: "Write the catalogue of Microsoft's updates as a package of wsusutil export",
		Long: `Write all that is kept of Microsoft's catalogue as a package of wsusutil export: a
cabinet, for another Fettle or a WSUS server to import. It appears only when it
is whole; "-" means standard output. The content of updates is not in it.

Revisions that came with an offline scan catalogue are known as fragments only,
of which nobody can make whole documents: they are left out and counted.`,
		Example: "  fettle export catalogue.cab\n  ssh SERVER fettle export - > catalogue.cab",
		Args:    between(1, 1, `a file, or "-"`),
	})
	do := a.held(gated|long, func(ctx context.Context, h *host, args []string) error {
		if a.flags.plan {
			return a.planExport(ctx, h, args[0])
		}
		return a.export(ctx, h, args[0])
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.own(nil, args); err != nil {
			return err
		}
		return do(cmd, args)
	}
	return cmd
}

// export writes a package where the caller wants it.
func (a *app) export(ctx context.Context, h *host, name string) (err error) {
	var out remote.Output
	switch {
	case name != "-" && a.s.Files == nil:
		return errors.New("this session has no files")
	case name != "-":
		out, err = a.s.Files.Create(ctx, name)
	case a.s.Size.Width > 0:
		return misuse("standard output is a terminal; a package is no text: fettle export - > FILE")
	default:
		out, err = a.spoolOutput(h)
	}
	if err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	m := a.meter()
	x, err := h.engine.Export(ctx, out, m.show)
	m.clear()
	if err != nil {
		return err
	}
	length, err := out.Seek(0, io.SeekEnd)
	if err == nil {
		err = out.Commit()
	}
	if err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	if name == "-" {
		for _, s := range x.Sentences() {
			a.say("%s", model.Clean(s))
		}
		return nil
	}
	return a.exported(name, length, x)
}

// exported answers with what a package holds.
func (a *app) exported(name string, length int64, x wsusexport.Exported) error {
	var unfit []object
	for _, f := range x.Unfit {
		unfit = append(unfit, object{{key: "item", value: f.Item}, {key: "reason", value: f.Reason}})
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "file", value: name}, {key: "bytes", value: length}, {key: "documents", value: x.Documents}, {key: "document_bytes", value: x.Bytes}, {key: "files", value: x.Files},
			{key: "fragments", value: x.Fragments}, {key: "refused", value: x.Refused}, {key: "not_exported", value: unfit}})
	}
	fmt.Fprintf(a.s.Out, "Wrote %s, %s.\n", model.Clean(name), size(length))
	for _, s := range x.Sentences() {
		if err := a.paragraph(a.s.Out, "", s); err != nil {
			return err
		}
	}
	for i, f := range x.Unfit {
		if i == 5 {
			a.say("... and %d more.", x.Refused-i)
			break
		}
		a.say("Not exported: %s: %s", model.Clean(f.Item), model.Clean(f.Reason))
	}
	return nil
}

// planExport says what a package would hold.
func (a *app) planExport(ctx context.Context, h *host, name string) error {
	whole := map[model.DocumentKey]bool{}
	if err := h.store.Documents(ctx, "", func(r store.DocumentRef) error {
		whole[r.DocumentKey] = whole[r.DocumentKey] || r.Form == model.DocumentWhole
		return nil
	}); err != nil {
		return err
	}
	documents := 0
	for _, w := range whole {
		if w {
			documents++
		}
	}
	fragments := len(whole) - documents
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "file", value: name}, {key: "documents", value: documents}, {key: "fragments", value: fragments}})
	}
	text := fmt.Sprintf("It would write %s to %s.", countOf(documents, "document", "documents"), model.Clean(name))
	if fragments > 0 {
		text += fmt.Sprintf(" %s would be left out: only fragments are known of %s.", countOf(fragments, "revision", "revisions"), plural(fragments, "it", "them"))
	}
	return a.paragraph(a.s.Out, "", text)
}

// spoolOutput makes a package in the data directory that goes to standard output
// when it is whole: a package is not written from its beginning to its end.
func (a *app) spoolOutput(h *host) (remote.Output, error) {
	f, err := os.CreateTemp(h.dir, ".export-*")
	if err != nil {
		return nil, err
	}
	return &piped{spooled: spooled{File: f, unnamed: os.Remove(f.Name()) == nil}, to: a.s.Out}, nil
}

// piped is a file without a name that goes to a stream.
type piped struct {
	spooled
	to     io.Writer
	closed bool
}

// Commit sends the file.
func (p *piped) Commit() error {
	if _, err := p.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(p.to, p.File)
	return err
}

// Close gives the file up.
func (p *piped) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.spooled.Close()
}
