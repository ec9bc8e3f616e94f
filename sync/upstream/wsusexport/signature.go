package wsusexport

import (
	"errors"
	"fmt"

	"fettle/model"
	"fettle/sync/cabinet/authenticode"
)

// sign looks at the signature of a package, which none of WSUS's own has; an
// organisation may sign what it carries between its networks. A package that is
// not what its signer signed is refused whatever the options say.
func (s *Source) sign(p *pack, e *Edition) error {
	if p.cab == nil || p.gzipped || !p.cab.Signed() {
		return nil
	}
	signature, err := authenticode.Verify(s.r, s.size, s.options.Roots, s.options.Clock())
	if errors.Is(err, authenticode.ErrUnsigned) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking the signature of the package: %w", err)
	}
	e.Signer, e.Trusted, e.Distrust = model.Clean(signature.Subject), signature.Trusted, model.Clean(signature.Reason)
	return nil
}
