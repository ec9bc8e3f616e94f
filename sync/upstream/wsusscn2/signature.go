package wsusscn2

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"fettle/model"
	"fettle/sync/cabinet/authenticode"
)

// Signature is what is known of who signed the file; the zero value says that
// nobody did.
type Signature struct {
	Signer  string // subject of the certificate
	Trusted bool
	Reason  string // why it is not trusted, in words
}

// String describes the signature in a phrase.
func (s Signature) String() string {
	switch {
	case s.Signer == "":
		return "not signed"
	case s.Trusted:
		return "signed by " + s.Signer
	}
	return "signed by " + s.Signer + ", who is not trusted: " + s.Reason
}

// verify reads the whole file and checks who signed it. That the file is not
// signed is no error here; that it was changed after it was signed is.
func verify(ctx context.Context, r io.ReaderAt, size int64, roots *x509.CertPool, at time.Time, read func(n int)) (Signature, error) {
	w := &watched{ctx: ctx, r: r, read: read}
	found, err := authenticode.Verify(w, size, roots, at)
	switch {
	case ctx.Err() != nil: // whatever came of a reading that was cut off
		return Signature{}, ctx.Err()
	case errors.Is(err, authenticode.ErrUnsigned):
		return Signature{}, nil
	case err != nil:
		return Signature{}, fmt.Errorf("checking the signature: %w", err)
	}
	return Signature{Signer: model.Clean(found.Subject), Trusted: found.Trusted, Reason: model.Clean(found.Reason)}, nil
}

// accept refuses what is not signed by somebody trusted, unless the
// configuration says that such files are taken in.
func (s Signature) accept(name string, unsigned bool) error {
	if s.Trusted || unsigned {
		return nil
	}
	r := &model.Refusal{Code: "unsigned", What: name + " was not taken in", Why: "it is " + s.String(),
		Remedy: "carry in the file as Microsoft published it, or, if its way here was safe, allow it in config.toml: unsigned = true under [import]"}
	if s.Signer != "" {
		r.Code = "untrusted"
	}
	return r
}

// watched reports what is read, and ends reading when the context does.
type watched struct {
	ctx  context.Context
	r    io.ReaderAt
	read func(n int)
}

func (w *watched) ReadAt(p []byte, at int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.ReadAt(p, at)
	if w.read != nil {
		w.read(n)
	}
	return n, err
}
