package content

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"fettle/model"
)

// Verified says what Verify found.
type Verified struct {
	Files   int // that are what their names say
	Bytes   int64
	Named   int                   // SHA-1 names that were missing and were written again
	Strange int                   // names that are no file of a content store; they were left alone
	Damaged []model.ImportFailure // files that changed or cannot be read, and were put aside
}

// Verify reads all files again. One that is not what its name says is moved to
// the folder for damaged ones, where it is not found any more: it counts as not
// kept, and is fetched or imported again.
func (s *Store) Verify(ctx context.Context, progress func(model.Progress)) (Verified, error) {
	s.long.Lock()
	defer s.long.Unlock()
	if progress == nil {
		progress = func(model.Progress) {}
	}
	var result Verified
	p := model.Progress{Phase: "verifying content"}
	err := s.each(ctx, folderFiles, func(name string) error {
		sum, ok := parseSum(name)
		if !ok {
			result.Strange++
			return nil
		}
		h, err := s.rehash(ctx, sum, func(n int) { p.Bytes += int64(n) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.Done++
		progress(p)
		if err != nil {
			if aside := s.setAside(sum); aside != nil {
				return fmt.Errorf("putting a damaged file aside: %w", aside)
			}
			result.Damaged = append(result.Damaged, model.ImportFailure{Item: name, Reason: err.Error()})
			return nil
		}
		one, _ := h.sums()
		if known, ok := s.Find(one); !ok || known != sum {
			if err := s.name(one, sum); err != nil {
				return err
			}
			result.Named++
		}
		result.Files++
		result.Bytes += h.size
		return nil
	})
	if err != nil {
		return result, fmt.Errorf("verifying the content store: %w", err)
	}
	return result, nil
}

// rehash reads a file and compares it with its name.
func (s *Store) rehash(ctx context.Context, sum Sum, progress func(int)) (*hasher, error) {
	if info, err := s.root.Lstat(filePath(sum)); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is no file"))
	}
	f, err := s.Open(sum)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := newHasher()
	if _, err := io.CopyBuffer(onlyWriter{h}, &bound{ctx: ctx, r: &reading{f, progress}}, make([]byte, copySize)); err != nil {
		return nil, err
	}
	return h, h.check(model.File{SHA256: sum[:]})
}

// setAside takes a file out of sight, without losing it.
func (s *Store) setAside(sum Sum) error {
	name := hex.EncodeToString(sum[:])
	for n := 1; ; n++ {
		to := folderDamaged + "/" + name + "." + strconv.Itoa(n)
		if _, err := s.root.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return s.root.Rename(filePath(sum), to)
		} else if err != nil {
			return err
		}
	}
}

// Pruned says what Prune removed.
type Pruned struct {
	Files int
	Bytes int64
	Names int // SHA-1 names of files that are not there
	Kept  int
}

// Prune removes files that nobody wants any more, what was found damaged, and
// SHA-1 names that lead nowhere.
func (s *Store) Prune(ctx context.Context, wanted func(Sum) bool) (Pruned, error) {
	s.long.Lock()
	defer s.long.Unlock()
	var result Pruned
	remove := func(name string) error {
		info, err := s.root.Lstat(name)
		if err != nil {
			return err
		}
		if err := s.root.Remove(name); err != nil {
			return err
		}
		result.Files++
		result.Bytes += info.Size()
		return nil
	}
	err := s.each(ctx, folderFiles, func(name string) error {
		sum, ok := parseSum(name)
		if !ok {
			return nil
		}
		if wanted(sum) {
			result.Kept++
			return nil
		}
		return remove(filePath(sum))
	})
	if err == nil {
		err = s.flat(ctx, folderDamaged, remove)
	}
	if err == nil {
		err = s.each(ctx, folderNames, func(name string) error {
			b, err := hex.DecodeString(name)
			if err != nil || len(b) != 20 {
				return nil
			}
			sum, ok := s.Find([20]byte(b))
			if ok {
				_, err = s.root.Lstat(filePath(sum))
			}
			if ok && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			result.Names++
			return s.root.Remove(namePath([20]byte(b)))
		})
	}
	if err != nil {
		return result, fmt.Errorf("pruning the content store: %w", err)
	}
	return result, nil
}

// Usage is how many files are kept, and their bytes.
func (s *Store) Usage(ctx context.Context) (files int, bytes int64, err error) {
	err = s.each(ctx, folderFiles, func(name string) error {
		sum, ok := parseSum(name)
		if !ok {
			return nil
		}
		info, err := s.root.Lstat(filePath(sum))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // pruned meanwhile
		}
		if err == nil {
			files++
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("counting the content store: %w", err)
	}
	return files, bytes, nil
}

// each visits the names in the 256 folders of a kind.
func (s *Store) each(ctx context.Context, kind string, visit func(name string) error) error {
	for i := range 256 {
		folder := fmt.Sprintf("%s/%02x", kind, i)
		if err := s.flat(ctx, folder, func(path string) error { return visit(path[len(folder)+1:]) }); err != nil {
			return err
		}
	}
	return nil
}

// flat visits the paths in one folder, which may be changed meanwhile.
func (s *Store) flat(ctx context.Context, folder string, visit func(path string) error) error {
	names, err := s.names(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(folder + "/" + name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) names(folder string) ([]string, error) {
	d, err := s.root.OpenFile(folder, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
