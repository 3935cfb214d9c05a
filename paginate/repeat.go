package paginate

import "crypto/sha256"

// windowTokens is how many of the latest tokens a pass knows exactly. 4,096 sums
// are 64 KiB.
const windowTokens = 4096

type tokenSum [16]byte

// seen finds a token that comes again, in constant memory. The latest windowTokens
// tokens are known, so a shorter cycle is found at its first repeat. A longer one
// is found by Brent's method: one token is kept and compared with each that comes,
// and every time that the count reaches a power of two the newest one is kept
// instead. (R. P. Brent, An improved Monte Carlo factorization algorithm, BIT 20,
// 1980.)
type seen struct {
	window map[tokenSum]struct{}
	order  []tokenSum
	oldest int
	kept   tokenSum
	since  int
	power  int
}

// again says whether the token was known, and from now on it is.
func (s *seen) again(token string) bool {
	full := sha256.Sum256([]byte(token))
	sum := tokenSum(full[:])
	if _, known := s.window[sum]; known || s.power > 0 && sum == s.kept {
		return true
	}
	s.remember(sum)
	s.since++
	if s.since >= s.power {
		s.kept, s.since, s.power = sum, 0, max(1, 2*s.power)
	}
	return false
}

func (s *seen) remember(sum tokenSum) {
	if s.window == nil {
		s.window = map[tokenSum]struct{}{}
	}
	if len(s.order) < windowTokens {
		s.order = append(s.order, sum)
	} else {
		delete(s.window, s.order[s.oldest])
		s.order[s.oldest] = sum
		s.oldest = (s.oldest + 1) % windowTokens
	}
	s.window[sum] = struct{}{}
}
