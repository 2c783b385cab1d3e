//! A site on a machine that is reached by SSH.

use crate::browser::Browser;
use crate::inventory::assert_same;
use crate::site::Site;
use crate::support::sshd::Sshd;

/// Docker, files, volumes and the proxy's admin socket are all had through one connection, as root by
/// `sudo`.
#[test]
fn a_site_is_brought_up_and_taken_away_over_ssh() {
    let site = Site::quickstart("mariadb");
    let before = site.inventory();
    let sshd = Sshd::start(&["SetEnv SHLVL=2"]);
    let (port, key, host_key) = (sshd.port, sshd.path("user"), sshd.public_key("host"));
    let provider = format!(
        "provider \"host\" {{\n  address          = \"127.0.0.1\"\n  port             = {port}\n  \
         sudo             = true\n  private_key_file = \"{}\"\n  host_keys        = [\"{host_key}\"]\n}}\n",
        key.display()
    );
    site.folder.write("remote.mprov.hcl", &provider);

    site.apply();
    site.has_no_changes();
    let browser = Browser::new(&site.root(), site.folder.whole());
    let (user, password) = (site.output("admin_user"), site.output("admin_password"));
    assert!(browser.log_in(&user, &password), "people can log in");
    assert!(sshd.log().contains("Accepted publickey"), "it went over SSH: {}", sshd.log());

    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &before, "after the destroy there is what there was");
}
