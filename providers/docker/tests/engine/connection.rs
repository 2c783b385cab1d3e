use mprov_sdk::{Object, Services};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_a_fault_that_says_what_to_do() {
    let provider = mprov_provider_docker::provider();
    let config = Object::new().with("host", "unix:///nonexistent/docker.sock");
    let Err(fault) = provider.configure(&config, Services::default()).await else {
        panic!("no engine there")
    };
    assert!(fault.detail.contains("systemctl start docker"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_sources_tell_of_the_engine_its_networks_and_images() {
    let world = World::new().await;
    let id = world.image().await;
    let read = async |kind: &str, name: Option<String>| {
        let config = Object::new().with("name", name);
        world.session.data_source(kind).expect("known").read(&world.call("read"), &config).await
    };
    let engine = read("docker_engine", None).await.expect("engine");
    assert!(engine.str("version").expect("version").contains('.'));
    let image = read("docker_image", Some(world.name("base:1"))).await.expect("image");
    assert_eq!(image.str("id").expect("id"), id);
    let network = read("docker_network", Some("bridge".into())).await.expect("network");
    assert_eq!(network.str("driver").expect("driver"), "bridge");
    assert!(read("docker_network", Some(world.name("none"))).await.is_err());
}
