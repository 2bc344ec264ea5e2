package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"jcsnode/config"
	"jcsnode/web/access"
)

func userCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "who may look at the page, and who may act there",
		Long: "user keeps the accounts of the page in web.users_file. There is none to begin with. A running node takes changes at\n" +
			"once: an account that is removed is logged out. Root may make them, too: the file belongs to the owner of data_dir.",
	}
	c.AddCommand(userAddCommand(), userListCommand(), userRemoveCommand())
	return c
}

func userAddCommand() *cobra.Command {
	var role string
	var proxy bool
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "make an account, or give one another password and role",
		Long: "add asks for the password at the terminal, or reads it as the first line of standard input. The role \"look\" sees\n" +
			"everything that the page shows; \"act\" may also have studies read and sent again, and test destinations and webhooks.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.Flags().StringVar(&role, "role", string(access.Look), "`look` or act")
	c.Flags().BoolVar(&proxy, "proxy", false, "no password: the account is for whom a proxy names (web.auth = \"proxy\")")
	c.RunE = func(c *cobra.Command, args []string) error {
		users, err := usersOf(*path)
		if err != nil {
			return err
		}
		a := access.Account{User: access.User{Name: args[0]}}
		if a.Role, err = access.ParseRole(role); err != nil {
			return err
		}
		if err := access.CheckName(a.Name); err != nil { // before somebody types a password for nothing
			return err
		}
		if !proxy {
			password, err := readPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			if a.Hash, err = access.Hash(password, access.DefaultCost); err != nil {
				return err
			}
		}
		if err := users.Put(a); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s may %s\n", a.Name, a.Role)
		return nil
	}
	return c
}

func userListCommand() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "list the accounts", Args: cobra.NoArgs}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		users, err := usersOf(*path)
		if err != nil {
			return err
		}
		all, err := users.List()
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(c.OutOrStdout(), 2, 8, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tROLE\tLOGIN")
		for _, a := range all {
			login := "password"
			if a.Hash == "" {
				login = "proxy"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", a.Name, a.Role, login)
		}
		return t.Flush()
	}
	return c
}

func userRemoveCommand() *cobra.Command {
	c := &cobra.Command{Use: "remove NAME", Short: "remove an account", Args: cobra.ExactArgs(1)}
	path := configFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		users, err := usersOf(*path)
		if err != nil {
			return err
		}
		return users.Remove(args[0])
	}
	return c
}

func usersOf(path string) (*access.Users, error) {
	cfg, err := config.Read(path)
	if err != nil {
		return nil, err
	}
	if cfg.Web.UsersFile == "" {
		return nil, fmt.Errorf("%s names no [web] users_file: name the file that is to hold the accounts", path)
	}
	return access.NewUsers(cfg.Web.UsersFile).OwnedLike(cfg.Node.DataDir), nil
}

// readPassword asks twice at a terminal, where nobody sees what is typed. An argument would be seen in the list of processes.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		ask := func(text string) (string, error) {
			fmt.Fprint(prompt, text)
			typed, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(prompt)
			return string(typed), err
		}
		password, err := ask("Password: ")
		if err != nil {
			return "", err
		}
		again, err := ask("Once more: ")
		if err == nil && again != password {
			err = errors.New("the two passwords differ")
		}
		return password, err
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
