package installer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"fettle/model"
	"fettle/sync/agent/apt"
)

// archives is where apt keeps packages.
const archives = "var/cache/apt/archives"

// fileName is the name under which apt keeps an item's archive: everything but
// the separators stays as it is (apt's QuoteString).
func fileName(it model.PlanItem) string {
	quote := strings.NewReplacer("_", "%5f", ":", "%3a", "%", "%25")
	return quote.Replace(it.Package) + "_" + quote.Replace(it.To) + "_" + quote.Replace(it.Arch) + ".deb"
}

var uriLine = regexp.MustCompile(`^'([^']+)' (\S+) (\d+)`)

// fetch brings every item's archive into apt's cache and checks it. Archives
// that are there and right are not fetched again.
func (s *server) fetch(ctx context.Context, items []model.PlanItem, records map[string]apt.Record) error {
	for i := range items {
		it := &items[i]
		r, ok := records[it.Spec()]
		if !ok {
			return &Failure{Code: "version-gone", Text: "no package source offers " + it.Spec() + " any more", Remedy: "synchronize again: fettle sync"}
		}
		if len(it.SHA256) > 0 && !bytes.Equal(it.SHA256, r.SHA256) {
			return &model.Refusal{Code: "verification", What: "the plan and the package source differ",
				Why: fmt.Sprintf("%s has the SHA-256 %x in the plan and %x in the vendor's index", it.Spec(), it.SHA256, r.SHA256), Remedy: "fettle sync, then approve again"}
		}
		// A wrong file would make apt believe that it need not download.
		if err := s.verify(*it, r); err != nil && !errors.Is(err, os.ErrNotExist) {
			if err := os.Remove(s.path(archives + "/" + fileName(*it))); err != nil {
				return fmt.Errorf("removing a damaged archive: %w", err)
			}
		}
	}
	specs, err := apt.Specs(items)
	if err != nil {
		return err
	}
	args := append(s.installArgs(items), "--print-uris", "install")
	res, err := s.runner.Run(ctx, apt.Command{Args: s.system.Args("apt-get", append(args, specs...)...)})
	if err != nil {
		return err
	}
	if f := apt.Classify(res); f != nil {
		return f
	}
	network := 0
	for line := range strings.Lines(res.Stdout) {
		m := uriLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		path, local := strings.CutPrefix(m[1], "file:")
		if !local {
			network++
			continue
		}
		// apt-get uses file: archives where they lie and leaves its cache empty,
		// so --no-download would fail (apt-in-a-root.md).
		if path, err = url.PathUnescape(path); err != nil {
			return fmt.Errorf("reading the address %s: %w", model.Clean(m[1]), err)
		}
		if err := s.copyArchive(path, m[2], items); err != nil {
			return err
		}
	}
	if network > 0 {
		if err := s.download(ctx, items, specs, network); err != nil {
			return err
		}
	}
	for _, it := range items {
		if err := s.verify(it, records[it.Spec()]); err != nil {
			return &Failure{Code: "verification", Text: model.Clean(err.Error()), Remedy: "run fettle agent check-in again; if it stays, the archive or a cache on the way is damaged"}
		}
	}
	return nil
}

// download lets apt-get fetch what comes over the network. It can be stopped.
func (s *server) download(ctx context.Context, items []model.PlanItem, specs []string, count int) error {
	args := []string{"-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=60", "-o", "Acquire::https::Timeout=60"}
	args = append(append(args, s.installArgs(items)...), "-o", "APT::Status-Fd=1")
	res, err := s.runner.Run(ctx, apt.Command{
		Args: s.system.Args("apt-get", append(append(args, "-d", "install"), specs...)...),
		Line: func(line string) {
			if m, _, ok := parseStatus(line); ok {
				m.Text = fmt.Sprintf("%d packages", count)
				s.tell(m)
			}
		}})
	if err != nil {
		return err
	}
	if f := apt.Classify(res); f != nil {
		return f
	}
	return nil
}

// copyArchive puts one local archive into apt's cache. Its name must be that of
// an item: apt said so, but a name that comes from outside is never a path.
func (s *server) copyArchive(from, name string, items []model.PlanItem) (err error) {
	known := false
	for _, it := range items {
		known = known || fileName(it) == name
	}
	if !known {
		return fmt.Errorf("apt wants the file %q, which belongs to no item", model.Clean(name))
	}
	in, err := os.Open(from)
	if err != nil {
		return &Failure{Code: "download", Text: "the archive cannot be read: " + model.Clean(err.Error()), Remedy: "mount the medium, or correct the package sources"}
	}
	defer in.Close()
	partial := s.path(filepath.Join(archives, "partial", name))
	out, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	defer func() {
		if err != nil {
			os.Remove(partial)
		}
	}()
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if err := os.Rename(partial, s.path(filepath.Join(archives, name))); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}

// verify compares an archive with the signed index. apt itself looks only at
// the size of what is already in its cache.
func (s *server) verify(it model.PlanItem, r apt.Record) error {
	f, err := os.Open(s.path(filepath.Join(archives, fileName(it))))
	if err != nil {
		return fmt.Errorf("checking the archive of %s: %w", it.Package, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("checking the archive of %s: %w", it.Package, err)
	}
	if sum := h.Sum(nil); !bytes.Equal(sum, r.SHA256) {
		return fmt.Errorf("the archive of %s has the SHA-256 %x; the vendor's index says %x", it.Package, sum, r.SHA256)
	}
	return nil
}

// checkSpace wants room for the archives, and for what they unpack to plus a
// fifth (peers 6c.5): a full disk in the middle of dpkg is the worst of places.
func (s *server) checkSpace(o Order, records map[string]apt.Record) error {
	var download, unpacked uint64
	for _, it := range o.Items {
		r := records[it.Spec()]
		if _, err := os.Stat(s.path(filepath.Join(archives, fileName(it)))); err != nil {
			download += uint64(r.Size)
		}
		unpacked += uint64(r.InstalledSize) / 5 * 6
	}
	if o.Verb == Download {
		unpacked = 0
	}
	cache, cacheDevice, err := s.config.Free(s.path(archives))
	if err != nil {
		return err
	}
	system, systemDevice, err := s.config.Free(s.path(""))
	if err != nil {
		return err
	}
	if cacheDevice == systemDevice {
		download, unpacked = download+unpacked, download+unpacked
	}
	for _, c := range []struct {
		path       string
		need, free uint64
	}{{archives, download, cache}, {"", unpacked, system}} {
		if c.need > c.free {
			return &Failure{Code: "space", Text: fmt.Sprintf("the disk of %s has %d MiB free, and %d MiB are needed", s.path(c.path), c.free>>20, c.need>>20+1),
				Remedy: "free some space, for example with: apt-get clean"}
		}
	}
	return nil
}
