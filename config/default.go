package config

// WithoutFile is the configuration of an empty file in the working folder, for commands that need none of their own.
func WithoutFile() (Config, error) {
	c := Default()
	c.resolve(".")
	if p := c.check(); len(p) > 0 {
		return c, p
	}
	return c, nil
}
