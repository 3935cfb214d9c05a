package kernel

// Looped runs without the functions of vector_amd64.s.
func Looped(run func()) { looped(run) }
