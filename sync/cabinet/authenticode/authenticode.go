// Package authenticode checks the signature of a signed cabinet: that the
// cabinet is what its signer signed, and who that is.
package authenticode

import (
	"fmt"
	"io"

	"github.com/sassoftware/relic/v7/lib/authenticode"
)

// Signer checks the digest and the signature of a cabinet and names the subject
// of the certificate that signed it. It does not say who vouches for that
// certificate.
func Signer(r io.ReaderAt) (string, error) {
	s, err := authenticode.VerifyCab(r, false)
	if err != nil {
		return "", fmt.Errorf("checking the signature of a cabinet: %w", err)
	}
	return s.Certificate.Subject.String(), nil
}
