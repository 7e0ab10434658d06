"""Models that can be fetched: the index says what there is, the store what is here, the fetcher brings it.

    model = index.read().find("scunet-real-psnr")
    store = Store.open(config.read())
    folder = Fetcher(store).fetch(model, report)   # or store.resolve(model), which fetches nothing

Only `Fetcher` ever opens a connection, and only to urls of the index or of the user's own configuration.
"""
