use mprov_sdk::Object;

use crate::rig::Rig;

#[tokio::test]
async fn a_file_is_read_and_a_secret_one_is_marked() {
    let rig = Rig::new().await;
    rig.write("f", "hello");
    let read = async |config: Object| rig.data("host_file").read(&rig.call(""), &config).await;
    let plain = read(Object::new().with("path", "f").with("sensitive", false)).await.unwrap();
    assert_eq!((&plain["content"], &plain["content_base64"]), (&"hello".into(), &"aGVsbG8=".into()));
    let secret = read(Object::new().with("path", "f").with("sensitive", true)).await.unwrap();
    for name in ["content", "content_base64", "content_hash"] {
        assert!(secret[name].contains_sensitive(), "{name}");
    }
    std::fs::write(rig.path("binary"), [0xff, 0x00]).unwrap();
    assert!(read(Object::new().with("path", "binary")).await.unwrap()["content"].is_null());
    assert!(read(Object::new().with("path", "none")).await.unwrap_err().summary.contains("there is no file"));
}

#[tokio::test]
async fn the_machine_is_described_and_the_disk_of_a_future_path_measured() {
    let rig = Rig::new().await;
    let asked = Object::new().with("path", "not/there/yet");
    let found = rig.data("host_info").read(&rig.call(""), &asked).await.unwrap();
    assert_eq!(found["arch"], std::env::consts::ARCH.into());
    let known = std::thread::available_parallelism().unwrap().get() as i64;
    assert!(found.i64("cpus").unwrap() >= known);
    assert!(found.i64("memory").unwrap() > found.i64("memory_available").unwrap());
    assert!(found.i64("disk_total").unwrap() > found.i64("disk_free").unwrap());
    assert!(!found.str("os").unwrap().is_empty() && !found.str("kernel").unwrap().is_empty());
}
