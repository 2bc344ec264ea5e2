package config

import (
	"strings"
	"testing"
)

func TestLoad_WebMistakes(t *testing.T) {
	const local = "[web]\nlisten = \"127.0.0.1:8080\"\n"
	const away = "[web]\nlisten = \":8443\"\n"
	const proxy = local + "auth = \"proxy\"\n"
	const header = proxy + "proxy_header = \"X-User\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"open to everybody":         {away, "web.auth: \"none\" lets everybody in"},
		"open without TLS":          {away + "auth = \"local\"\nusers_file = \"u\"\nhosts = [\"me\"]\n", "web.certificate and web.key"},
		"an address of the network": {"[web]\nlisten = \"10.0.0.1:8443\"\n", "web.certificate and web.key"},
		"no name":                   {away, "web.hosts: empty"},
		"a login without accounts":  {local + "auth = \"local\"\n", "web.users_file: missing"},
		"a header without a proxy":  {header, "web.trusted_proxies: empty"},
		"everybody is a proxy":      {header + "trusted_proxies = [\"0.0.0.0/0\"]\n", "is everybody"},
		"no network":                {header + "trusted_proxies = [\"proxy\"]\n", "web.trusted_proxies: \"proxy\""},
		"a proxy without a header":  {proxy + "trusted_proxies = [\"127.0.0.1\"]\n", "web.proxy_header"},
		"a header that nobody asks": {local + "proxy_header = \"X-User\"\n", "are for auth = \"proxy\""},
		"a name with a port":        {local + "hosts = [\"me:8080\"]\n", "web.hosts: \"me:8080\""},
		"any name":                  {local + "hosts = [\"*\"]\n", "web.hosts: \"*\""},
		"half a certificate":        {local + "key = \"k.pem\"\n", "one is missing"},
		"another login":             {local + "auth = \"ldap\"\n", "web.auth: \"ldap\""},
		"a name of a patient":       {local + "identifiers = \"name\"\n", "web.identifiers: \"name\""},
		"a viewer for no study":     {local + "viewer_url = \"https://pacs/\"\n", "web.viewer_url"},
		"a viewer that is a script": {local + "viewer_url = \"javascript:{study}\"\n", "web.viewer_url"},
		"settings without a page":   {"[web]\nauth = \"local\"\nusers_file = \"u\"\n", "web.listen: missing"},
		"studies to no page":        {"[web.try]\nenabled = true\n", "web.listen: missing"},
		"studies of nothing":        {"[web.try]\nmax_size = \"1KB\"\n", "web.try.max_size: 1024 bytes"},
		"studies for ever":          {"[web.try]\nkeep = \"0s\"\n", "web.try.keep: 0s"},
		"studies without end":       {"[web.try]\nwaiting = 100\nper_hour = 0\n", "web.try.per_hour: 0; 1 to 1000"},
		"a key that is not there":   {"[web.try]\nmax_siez = \"1GB\"\n", "web.try.max_siez: unknown key; did you mean web.try.max_size?"},
		"text for a switch":         {"[web.try]\nenabled = \"yes\"\n", "web.try.enabled (line 2)"},
		"a switch for a table":      {local + "try = true\n", "web.try (line 3): true; a table is wanted"},
		"the port of DICOM":         {"[web]\nlisten = \"127.0.0.1:11112\"\n", "takes the port of node.listen"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{
		"this machine":      local,
		"by name":           "[web]\nlisten = \"localhost:8080\"\n",
		"accounts":          local + "auth = \"local\"\nusers_file = \"users\"\n",
		"behind a proxy":    header + "trusted_proxies = [\"127.0.0.1\", \"10.1.0.0/16\"]\nhosts = [\"me\", \"::1\"]\n",
		"with a viewer":     local + "viewer_url = \"https://pacs/viewer?StudyInstanceUIDs={study}\"\n",
		"studies to try":    local + "[web.try]\nenabled = true\nmax_size = \"2GB\"\nkeep = \"30m\"\n",
		"nothing of a page": "",
	} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
