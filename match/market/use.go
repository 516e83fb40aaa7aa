package market

// MismatchWaste returns the hours a resource has, but neither its owner nor
// the exchange uses: installed − utilised − engaged, all in thousandths of an
// hour over one period. Overtime makes the difference negative; that is no
// waste, so the result is never below 0. It returns [ErrRange] if an argument
// is negative.
func MismatchWaste(installed, utilised, engaged int64) (int64, error) {
	if installed < 0 || utilised < 0 || engaged < 0 {
		return 0, ErrRange
	}
	if utilised > installed {
		return 0, nil
	}
	return max(installed-utilised-engaged, 0), nil
}

// Utilisation returns used ÷ installed, in [0, 1]. It returns [ErrRange] if
// installed is not positive or used is negative; more used than installed,
// overtime, is 1.
func Utilisation(installed, used int64) (float64, error) {
	if installed <= 0 || used < 0 {
		return 0, ErrRange
	}
	return min(float64(used)/float64(installed), 1), nil
}
